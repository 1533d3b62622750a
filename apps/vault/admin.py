"""The vault's tables: which keys there are and how old they are. What is wrapped is never shown."""

from django.contrib import admin

from apps.core.officers import ReadOnlyAdmin
from apps.vault.models import Document, PurposeKey, SubjectErasure, SubjectHold, SubjectKey


@admin.register(PurposeKey)
class PurposeKeyAdmin(ReadOnlyAdmin):
    """Keys that wrap subjects' keys. One of each purpose is live."""

    table = ("id", "purpose", "provider", "provider_key", "created_at", "retired_at")
    hidden = ("wrapped", "check_value")
    list_filter = ("purpose", ("retired_at", admin.EmptyFieldListFilter))
    search_fields = ("id",)


@admin.register(SubjectKey)
class SubjectKeyAdmin(ReadOnlyAdmin):
    """Keys of persons' data, and which of them are destroyed."""

    table = ("id", "subject", "purpose", "kek", "created_at", "superseded_at", "destroyed_at")
    hidden = ("wrapped",)
    list_filter = ("purpose", ("destroyed_at", admin.EmptyFieldListFilter))
    search_fields = ("id", "subject")


@admin.register(SubjectHold)
class SubjectHoldAdmin(ReadOnlyAdmin):
    """What keeps a subject's data from being erased."""

    table = ("id", "subject", "reference", "placed_at", "placed_by", "released_at", "released_by")
    list_filter = (("released_at", admin.EmptyFieldListFilter),)
    search_fields = ("id", "subject", "reference")


@admin.register(SubjectErasure)
class SubjectErasureAdmin(ReadOnlyAdmin):
    """Who was erased, and when the last backup that could bring them back is gone."""

    table = ("subject", "erased_at", "complete_on", "erased_by")
    search_fields = ("subject",)


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """Documents by subject. Their names and their content are encrypted, and not shown here."""

    table = ("id", "subject", "kind", "media_type", "size", "state", "stored_at", "removed_at")
    hidden = ("particulars",)
    list_filter = ("state", "kind")
    search_fields = ("id", "subject")
