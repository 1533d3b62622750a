"""Reports from the log. What belongs in one is decided by rules on the event, so that no new room is forgotten."""

from uuid import UUID

from django.db import models
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value

from apps.audit.models import AuditLog
from apps.audit.types import RecordClass, Source
from apps.core.db import fetch_all


class Report(models.TextChoices):
    """What a compliance report is about."""

    DATA_ACCESS = "data-access", "Who saw whose data"
    APPROVALS = "approvals", "Who approved or rejected what"
    CONFIGURATION = "configuration", "What was configured, by whom"
    FAILED_ACCESS = "failed-access", "Who was refused"


# By the verb: the last word of an action's name ("issuance.approved", "compliance.kyc_decided").
VERBS = {
    Report.DATA_ACCESS: frozenset({"viewed", "exported", "disclosed", "downloaded"}),
    Report.APPROVALS: frozenset({"approved", "rejected", "decided", "declined", "granted", "waived", "resolved"}),
    Report.CONFIGURATION: frozenset(
        {"activated", "added", "changed", "configured", "created", "disabled", "enabled", "halted", "moved", "ordered"}
        | {"removed", "resumed", "revoked", "rotated", "set"}
    ),
    Report.FAILED_ACCESS: frozenset({"refused", "denied", "blocked", "locked"}),
}
# Of rows of watched tables, which tell all that is in those tables whoever changed it.
ROW_VERBS = frozenset({"inserted", "updated", "deleted"})
# Watched tables that set nothing up: the counters of issuance, and what investors choose for themselves.
NOT_CONFIGURATION = ("issuance_issuancecontrol", "notifications_notificationpreference")
# Each action once, by one probe of the index for each.
ACTIONS = """
WITH RECURSIVE known AS (
    (SELECT action FROM audit_auditlog ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT a.action FROM audit_auditlog a WHERE a.action > known.action ORDER BY a.action LIMIT 1)
    FROM known WHERE known.action IS NOT NULL
)
SELECT action FROM known WHERE action IS NOT NULL
"""


def report_rows(report: Report) -> QuerySet[AuditLog]:
    """The events that belong in the report; of which time, and in which order, the caller says."""
    known = [action for (action,) in fetch_all(ACTIONS, [])]
    belongs = Q(action__in=[action for action in known if _verb(action) in VERBS[report]], source=Source.APP)
    if report == Report.CONFIGURATION:
        changed = [action for action in known if _verb(action) in ROW_VERBS]
        belongs |= Q(action__in=changed, source=Source.TRIGGER, record_class=RecordClass.AUDIT_TRAIL)
    found = AuditLog.objects.filter(belongs).exclude(resource_type__in=NOT_CONFIGURATION)
    return found.prefetch_related("origin")


def shows(subject: UUID) -> Q:
    """The condition that an event of viewing names this subject."""
    named = Func(
        F("after"),
        Value(str(subject)),
        template="coalesce(jsonb_exists(%(expressions)s), false)",
        arg_joiner="::jsonb -> 'subjects', ",
        output_field=BooleanField(),
    )
    return Q(named)


def _verb(action: str) -> str:
    return action.rpartition(".")[2].rpartition("_")[2]
