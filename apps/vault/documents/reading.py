"""A stored document as a caller reads it: whole, or any range of it; each piece is checked before it is given."""

import base64
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import NoReturn

from apps.vault.documents.blobs import BlobMissing, Blobs, StoreUnavailable
from apps.vault.documents.stream import NotOpened, opened
from apps.vault.errors import DocumentDamaged, DocumentsUnavailable, RangeNotSatisfiable
from apps.vault.fields.refusals import refuse
from apps.vault.models import Document

PLACE = "vault_document.store"


def blob_name(document: Document) -> str:
    """Where it lies. The last digits of the id are random: folders fill evenly."""
    return f"{document.pk.hex[-2:]}/{document.pk.hex}"


class StoredDocument:
    """A document that is there. Its bytes are asked of the store when they are read."""

    def __init__(self, row: Document, blobs: Blobs) -> None:
        particulars = row.particulars
        self.name: str = particulars["name"]
        self.media_type, self.size = row.media_type, row.size or 0
        self.sha256: str = particulars["sha256"]
        self._row, self._blobs = row, blobs
        self._key = base64.b64decode(particulars["key"])

    def __repr__(self) -> str:
        return f"<StoredDocument {self._row.pk}>"

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes `start` to `end` (exclusive, the size where it is beyond), in pieces of at most 64 KiB.

        Read from its beginning to its end, its checksum is compared too. Raises RangeNotSatisfiable at once, and while
        it is read DocumentsUnavailable and DocumentDamaged (operators are told).
        """
        until = self.size if end is None else min(end, self.size)
        if not 0 <= start <= until:
            raise RangeNotSatisfiable(size=self.size)
        return self._pieces(start, until)

    def check(self) -> None:
        """Read it whole. Raises what read() raises."""
        for _ in self.read():
            pass

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        digest, whole = hashlib.sha256(), (start, end) == (0, self.size)
        open_at = partial(self._blobs.open_at, blob_name(self._row))
        try:
            for piece in opened(open_at, self._key, self._row.pk.bytes, self.size, start, end):
                if whole:
                    digest.update(piece)
                yield piece
        except StoreUnavailable as error:
            raise DocumentsUnavailable from error
        except (NotOpened, BlobMissing):
            self._refuse()
        if whole and digest.hexdigest() != self.sha256:
            self._refuse()

    def _refuse(self) -> NoReturn:
        refuse(place=PLACE, row=self._row.pk, error=DocumentDamaged)
