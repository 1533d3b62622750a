"""Reading the trail."""

from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from django.db.models import QuerySet

from apps.audit.models import AuditLog


class AuditFilters(TypedDict, total=False):
    """What the trail can be narrowed by; `created_at__lt` is exclusive, so that days add up."""

    action: str
    resource_type: str
    resource_id: str
    user_id: UUID
    party_id: UUID
    request_id: str
    created_at__gte: datetime
    created_at__lt: datetime


def audit_logs(**filters: Unpack[AuditFilters]) -> QuerySet[AuditLog]:
    """The rows that match every filter, newest first."""
    return AuditLog.objects.filter(**filters).order_by("-id").prefetch_related("origin").select_related("leaf")
