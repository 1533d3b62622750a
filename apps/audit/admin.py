"""The trail, for officers."""

from django.contrib import admin

from apps.audit.models import AuditLog, AuditStream
from apps.core.officers import ReadOnlyAdmin


@admin.register(AuditLog)
class AuditLogAdmin(ReadOnlyAdmin):
    """Who did what to which resource."""

    table = ("id", "created_at", "user_id", "party_id", "action", "resource_type", "resource_id", "request_id")
    list_filter = ("created_at",)
    search_fields = ("id", "action", "resource_id", "user_id", "party_id", "request_id")
    search_help_text = "Exact: an id of a row, resource, user, party or request, or an action."


@admin.register(AuditStream)
class AuditStreamAdmin(ReadOnlyAdmin):
    """How far the events of each resource have got."""

    table = ("stream", "seq")
    search_fields = ("stream",)
    search_help_text = "Exact: a resource's type and id, as in issuance/0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3."
