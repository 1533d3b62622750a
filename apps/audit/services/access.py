"""What the trail keeps of reading: whose data a person was shown, what they were refused, and reports taken."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.audit.types import RecordClass
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.vault.errors import KeyUnavailable, Unreadable

DATA_VIEWED, ACCESS_REFUSED, REPORT_VIEWED = "audit.data_viewed", "audit.access_refused", "audit.report_viewed"
# The place of an object's id where a page shows many.
MANY = "list"


def record_data_viewed(*, actor: Actor, page: str, object_id: str, subjects: Collection[UUID]) -> None:
    """Append that the actor was shown data of these subjects: one event a page, ids only."""
    told = {"subjects": sorted(str(subject) for subject in subjects)}
    _record(actor, DATA_VIEWED, page, object_id, told)


def record_access_refused(*, actor: Actor, page: str, object_id: str, method: str, status: int) -> None:
    """Append that the actor, or nobody known, was refused with this status of HTTP."""
    _record(actor, ACCESS_REFUSED, page, object_id, {"method": method, "status": str(status)})


def record_report_viewed(*, actor: Actor, report: str, asked: Mapping[str, Any]) -> None:
    """Append that the actor takes a report, and of what: whose addresses a report shows, it says itself."""
    _record(actor, REPORT_VIEWED, "audit_report", report, {name: str(value) for name, value in asked.items()})


def _record(actor: Actor, action: str, resource_type: str, resource_id: str, after: dict[str, Any]) -> None:
    event: dict[str, Any] = {
        "action": action,
        "resource_type": resource_type[:64],
        "resource_id": resource_id[:128],
        "after": after,
        "record_class": RecordClass.SECURITY_EVENTS,
    }
    try:
        with unit_of_work():
            log_audit_event(actor=actor, **event)
    except (KeyUnavailable, Unreadable):
        # Who saw it matters more than from where: the page is shown, and recorded without the address.
        with unit_of_work():
            log_audit_event(actor=replace(actor, ip_address=None, user_agent=None), **event)
