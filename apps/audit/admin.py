"""The trail, for officers."""

from django.contrib import admin

from apps.audit.models import AuditLog
from apps.core.officers import ReadOnlyAdmin


@admin.register(AuditLog)
class AuditLogAdmin(ReadOnlyAdmin):
    """Who did what to which resource."""

    table = ("id", "created_at", "user_id", "party_id", "action", "resource_type", "resource_id", "request_id")
    list_filter = ("created_at",)
    search_fields = ("id", "action", "resource_id", "user_id", "party_id", "request_id")
    search_help_text = "Exact: an id of a row, resource, user, party or request, or an action."
