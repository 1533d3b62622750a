"""The trail, for officers."""

from collections.abc import Mapping
from typing import ClassVar

from django.contrib import admin

from apps.audit.explorer import Changes, ReportFilter
from apps.audit.models import AuditAnchor, AuditHead, AuditLeaf, AuditLog, AuditOrigin, AuditSigningKey, AuditTile
from apps.core.officers import Column, ReadOnlyAdmin


@admin.register(AuditLog)
class AuditLogAdmin(ReadOnlyAdmin):
    """Who did what to which resource."""

    table = ("id", "created_at", "user_id", "party_id", "action", "resource_type", "resource_id", "request_id")
    hidden = ("before", "after")
    columns: ClassVar[Mapping[str, Column]] = {
        "changes": Changes("changes"),
        "ip": Column("ip"),
        "user_agent": Column("user_agent"),
    }
    list_filter = ("created_at", ReportFilter, "source", "record_class")
    search_fields = ("id", "action", "resource_id", "user_id", "party_id", "request_id")
    search_help_text = "Exact: an id of a row, resource, user, party or request, or an action."


@admin.register(AuditOrigin)
class AuditOriginAdmin(ReadOnlyAdmin):
    """From where people came."""

    table = ("id", "created_at", "user_id", "session_id")
    hidden = ("committed", "salts")
    search_fields = ("id", "user_id", "session_id")
    search_help_text = "Exact: an id of an origin, user or session."


@admin.register(AuditHead)
class AuditHeadAdmin(ReadOnlyAdmin):
    """Signed roots of the tree."""

    table = ("size", "at", "log", "key_id")
    list_filter = ("at",)
    search_fields = ("size", "key_id")
    search_help_text = "Exact: a number of leaves, or a key's id."


@admin.register(AuditLeaf)
class AuditLeafAdmin(ReadOnlyAdmin):
    """Which place an event has in the tree."""

    table = ("index", "event_id", "stream", "stream_seq", "prev")
    search_fields = ("index", "event__id", "stream")
    search_help_text = "Exact: the number of a leaf or of an event, or a resource's type and id with a slash between."


@admin.register(AuditTile)
class AuditTileAdmin(ReadOnlyAdmin):
    """Full tiles of hashes."""

    table = ("level", "number")
    search_fields = ("number",)
    search_help_text = "Exact: a tile's number."


@admin.register(AuditSigningKey)
class AuditSigningKeyAdmin(ReadOnlyAdmin):
    """Keys that sign heads, or did."""

    table = ("key_id", "created_at")
    search_fields = ("key_id",)
    search_help_text = "Exact: a key's id."


@admin.register(AuditAnchor)
class AuditAnchorAdmin(ReadOnlyAdmin):
    """Heads kept where we cannot change them."""

    table = ("size", "kind", "anchored_at", "retained_until", "place")
    list_filter = ("kind", "anchored_at")
    search_fields = ("size", "version_id", "tx_hash")
    search_help_text = "Exact: a number of leaves, an object's version, or a transaction's hash."
