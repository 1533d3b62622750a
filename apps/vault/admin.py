"""The vault's tables: which keys there are and how old they are. What is wrapped is never shown."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html

from apps.core import clock
from apps.core.officers import Column, ReadOnlyAdmin
from apps.vault.models import (
    Document,
    KeyRotation,
    PurposeKey,
    RotatedColumn,
    SubjectErasure,
    SubjectHold,
    SubjectKey,
)
from apps.vault.selectors.inventory import Hanging, expires_at, hanging
from apps.vault.selectors.rotation import rotations_under_way


class Age(Column):
    """How long ago it was made, in days."""

    def value(self, row: Any) -> Any:
        return clock.now() - row.created_at

    def shown(self, value: timedelta, row: Any) -> str:
        return format_html('<span class="whitespace-nowrap">{} days</span>', value.days)


class Expiry(Column):
    """Days until a live key is to be replaced."""

    def value(self, row: Any) -> Any:
        return None if row.retired_at else expires_at(row.created_at) - clock.now()

    def shown(self, value: timedelta, row: Any) -> str:
        policy = settings.SECURITY.encryption
        tone = "danger" if value < timedelta(0) else "warning" if value.days < policy.rotation_alert_days else "success"
        text = f"{value.days} days" if value >= timedelta(0) else f"{-value.days} days ago"
        return render_to_string("unfold/helpers/label.html", {"text": text, "type": tone})


class Life(Column):
    """Whether the key wraps now."""

    def value(self, row: Any) -> Any:
        return "retired" if row.retired_at else "live"

    def shown(self, value: str, row: Any) -> str:
        tone = "success" if value == "live" else None
        return render_to_string("unfold/helpers/label.html", {"text": value, "type": tone})


class HangingOn(Column):
    """How many subject keys, or values, hang on a purpose key: read once a page."""

    def prepare(self, rows: Collection[Any], site: Any) -> None:
        found = hanging()
        for row in rows:
            row.hanging = found.get(row.pk, Hanging(0, 0, more=False))

    def value(self, row: Any) -> Any:
        found = row.hanging
        more = "+" if found.more and self.attribute == "values" else ""
        return f"{getattr(found, self.attribute):,}{more}"


@admin.register(PurposeKey)
class PurposeKeyAdmin(ReadOnlyAdmin):
    """The inventory of keys: how old each is, when it is to be replaced, and what hangs on it."""

    table = ("id", "purpose", "life", "age", "expiry", "subject_keys", "values", "provider", "retired_at")
    hidden = ("wrapped", "check_value")
    columns: ClassVar[Mapping[str, Column]] = {
        "life": Life("life", "state"),
        "age": Age("age"),
        "expiry": Expiry("expiry", "rotated in"),
        "subject_keys": HangingOn("subject_keys"),
        "values": HangingOn("values", "values under them"),
    }
    list_filter = ("purpose", ("retired_at", admin.EmptyFieldListFilter))
    list_before_template = "vault/rotations.html"
    search_fields = ("id",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "rotations": rotations_under_way()})


@admin.register(KeyRotation)
class KeyRotationAdmin(ReadOnlyAdmin):
    """Rotations: how far each has come."""

    table = ("id", "purpose", "state", "keys_done", "keys_unreadable", "keys_destroyed", "keys_kept", "began_at")
    list_filter = ("purpose", "state")
    search_fields = ("id",)


@admin.register(RotatedColumn)
class RotatedColumnAdmin(ReadOnlyAdmin):
    """Rotations' progress, column by column."""

    table = ("id", "rotation", "model", "column", "passed", "total", "turn", "rewritten", "unreadable")
    list_filter = ("model",)
    search_fields = ("id", "rotation")


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
