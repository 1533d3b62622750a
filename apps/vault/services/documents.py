"""Keeping documents: encrypted on their way into the store, never whole in memory and never in clear on a disk."""

import base64
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Q

from apps.core.db import in_unit_of_work, unit_of_work
from apps.core.errors import InvalidValue
from apps.vault.documents.blobs import Blobs, StoreUnavailable, documents
from apps.vault.documents.reading import blob_name
from apps.vault.documents.stream import KEY, LARGEST, Measured, SealingReader, TooLarge
from apps.vault.errors import DocumentsUnavailable, DocumentTooLarge
from apps.vault.models import Document, SubjectErasure
from apps.vault.selectors.documents import document_view
from apps.vault.types import DocumentState, DocumentView

LONGEST_NAME = 255
# No upload takes so long: what is unfinished then was left by a process that died.
ABANDONED = timedelta(hours=6)
AT_ONCE = 100


def store_document(
    *, subject: UUID, kind: str, name: str, media_type: str, content: BinaryIO, now: datetime, limit: int = LARGEST
) -> DocumentView:
    """Encrypt what `content` gives and store it, for this subject; at most `limit` bytes.

    Must be called outside any unit of work, for it asks the store: link the document to your own rows afterwards.
    Killed on its way it leaves nothing that is not removed later. Raises InvalidValue, DocumentTooLarge,
    KeyUnavailable, SubjectErased, DocumentsUnavailable; after none of them is anything kept.
    """
    if in_unit_of_work():
        raise RuntimeError("a store is asked: not within a unit of work")
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidValue(f"A document's name has 1 to {LONGEST_NAME} characters.")
    blobs, key = documents(), secrets.token_bytes(KEY)
    row = _begin(subject, kind, name, media_type, key, now)
    try:
        measured = _write(blobs, row, content, key, limit)
        _finish(row, measured, now)
    except BaseException:
        _give_up(blobs, row, now)
        raise
    return document_view(row)


def remove_document(*, document_id: UUID, now: datetime) -> None:
    """Remove it from the store, whatever state it is in; repeated, it does nothing. Raises DocumentsUnavailable."""
    row = Document.objects.filter(pk=document_id).first()
    if row is not None and row.state != DocumentState.REMOVED:
        _remove(documents(), row, now)


def tidy_documents(*, now: datetime) -> int:
    """Remove what was never finished, stored or removed, and what belongs to erased subjects; how many.

    Raises DocumentsUnavailable.
    """
    abandoned = Document.objects.filter(
        Q(state=DocumentState.WRITING, begun_at__lt=now - ABANDONED) | Q(state=DocumentState.REMOVING)
    )
    erased = Document.objects.exclude(state=DocumentState.REMOVED).filter(
        subject__in=SubjectErasure.objects.values("subject")
    )
    rows = [*abandoned[:AT_ONCE], *erased[:AT_ONCE]]
    blobs = documents()
    for row in rows:
        _remove(blobs, row, now)
    return len(rows)


def _begin(subject: UUID, kind: str, name: str, media_type: str, key: bytes, now: datetime) -> Document:
    """Its row comes first: whatever is in the store has one."""
    particulars = {"name": name, "key": base64.b64encode(key).decode()}
    row = Document(subject=subject, kind=kind, media_type=media_type, particulars=particulars, begun_at=now)
    with unit_of_work():
        row.save(force_insert=True)
    return row


def _write(blobs: Blobs, row: Document, content: BinaryIO, key: bytes, limit: int) -> Measured:
    reader = SealingReader(content, key, row.pk.bytes, limit)
    try:
        blobs.write(blob_name(row), reader)
    except TooLarge as error:
        raise DocumentTooLarge(limit=limit) from error
    except StoreUnavailable as error:
        raise DocumentsUnavailable from error
    if reader.measured is None:
        raise DocumentsUnavailable("The store did not take the whole document.")
    return reader.measured


def _finish(row: Document, measured: Measured, now: datetime) -> None:
    row.particulars = row.particulars | {"sha256": measured.content_sha256.hex()}
    row.state, row.size, row.stored_at = DocumentState.STORED, measured.size, now
    row.stored_sha256 = measured.stored_sha256.hex()
    with unit_of_work():
        # Removed meanwhile, as a subject's erasure does, it stays removed.
        held = Document.objects.select_for_update().filter(pk=row.pk, state=DocumentState.WRITING).first()
        if held is None:
            raise DocumentsUnavailable("The document was removed while it was stored.")
        row.save(update_fields=["particulars", "state", "size", "stored_at", "stored_sha256"])


def _give_up(blobs: Blobs, row: Document, now: datetime) -> None:
    """Best effort: what cannot be removed now, tidy_documents() removes."""
    with suppress(DocumentsUnavailable, DatabaseError):
        _remove(blobs, row, now)


def _remove(blobs: Blobs, row: Document, now: datetime) -> None:
    """First it is read no more, then it goes: no document is ever offered that is not there."""
    there = Document.objects.filter(pk=row.pk).exclude(state=DocumentState.REMOVED)
    with unit_of_work():
        there.update(state=DocumentState.REMOVING)
    try:
        blobs.delete(blob_name(row))
    except StoreUnavailable as error:
        raise DocumentsUnavailable from error
    with unit_of_work():
        there.update(state=DocumentState.REMOVED, removed_at=now)
