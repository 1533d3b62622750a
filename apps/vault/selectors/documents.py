"""Reading documents."""

from uuid import UUID

from apps.vault.documents.blobs import documents
from apps.vault.documents.reading import StoredDocument
from apps.vault.errors import UnknownDocument
from apps.vault.models import Document
from apps.vault.types import DocumentState, DocumentView


def open_document(document_id: UUID) -> StoredDocument:
    """A stored document, to be read whole or in part.

    Raises UnknownDocument (none, not finished, or removed), KeyUnavailable, SubjectErased, Unreadable.
    """
    row = Document.objects.filter(pk=document_id, state=DocumentState.STORED).first()
    if row is None:
        raise UnknownDocument
    return StoredDocument(row, documents())


def documents_of(subject: UUID) -> list[DocumentView]:
    """A subject's stored documents, oldest first, without opening any."""
    rows = Document.objects.filter(subject=subject, state=DocumentState.STORED).order_by("stored_at", "id")
    return [document_view(row) for row in rows]


def document_view(row: Document) -> DocumentView:
    """A stored document as other rooms see it."""
    if row.size is None or row.stored_at is None:
        raise ValueError("the document is not stored")
    return DocumentView(row.pk, row.subject, row.kind, row.media_type, row.size, row.stored_at)
