"""Verifying the stored log by ourselves, and telling what came of it."""

import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.db.models import Max

from apps.audit.models import AuditHead, AuditVerification
from apps.audit.selectors.anchors import anchored_size
from apps.audit.selectors.recomputing import Difference, Progress, Walk
from apps.audit.selectors.tree import last_head
from apps.audit.selectors.verification import full_run_from, passed, standing_failure, verified_to
from apps.audit.types import Fault, VerificationKind, VerificationOutcome
from apps.core.alerts import settle_alerts
from apps.core.db import unit_of_work
from apps.core.types import Condition, Severity

SOURCE = "audit.verification"
FAILED = f"{SOURCE}:failed"


class CannotVerify(Exception):
    """Nothing is signed yet, or the range is not within what is; the message says which."""


def verify_new(*, now: datetime, seconds: float | None = None) -> AuditVerification:
    """Verify from where the last such run ended to the newest head; see verify_log()."""
    return verify_log(kind=VerificationKind.NEW, start=verified_to(), now=now, seconds=seconds)


def verify_in_turns(*, now: datetime, seconds: float) -> AuditVerification:
    """Verify the whole log, or go on with it where the last run ran out of time; see verify_log()."""
    return verify_log(kind=VerificationKind.FULL, start=full_run_from(), now=now, seconds=seconds)


def verify_log(
    *,
    kind: VerificationKind,
    now: datetime,
    start: int = 0,
    stop: int | None = None,
    seconds: float | None = None,
    told: Callable[[int, int], None] = lambda *_: None,
) -> AuditVerification:
    """Recompute the log from what is stored, keep what came of it, and raise or resolve the alert; the row kept.

    The range is widened to the heads around it; `stop` None is the newest. After `seconds` the run ends at the last
    head it reached. `told` hears how many of how many events are done. Raises CannotVerify; RuntimeError within a
    transaction, since each chunk is read in its own.
    """
    # Before the head is read, which others may see grow meanwhile.
    longest, began = _longest(), time.monotonic()
    head = last_head()
    if head is None:
        raise CannotVerify("no head is signed yet")
    if head.size < longest:
        cut = Progress(0, 0, b"", Difference(head.size, Fault.TRUNCATED))
        return _keep(kind, (head.size, head.size), head, cut, now, began)
    first, last = _between_heads(start, head.size if stop is None else stop, head)
    made = Progress(first, first, b"")
    for made in Walk(first, last):
        told(made.at - first, last - first)
        if seconds is not None and time.monotonic() - began > seconds and made.verified > first:
            break
    return _keep(kind, (first, last if made.difference else made.verified), head, made, now, began)


def _between_heads(start: int, stop: int, head: AuditHead) -> tuple[int, int]:
    if not 0 <= start <= stop <= head.size:
        raise CannotVerify(f"the range {start}..{stop} is not within the {head.size} events that are signed")
    before = AuditHead.objects.filter(size__lte=start).order_by("-size").values_list("size", flat=True).first()
    after = AuditHead.objects.filter(size__gte=stop).order_by("size").values_list("size", flat=True)[0]
    return before or 0, after


def _longest() -> int:
    """How many leaves the log is known to have had: when it was verified, or anchored."""
    seen = passed(*VerificationKind).aggregate(size=Max("head_size"))["size"]
    return max(seen or 0, anchored_size())


def _keep(
    kind: VerificationKind, span: tuple[int, int], head: AuditHead, made: Progress, now: datetime, began: float
) -> AuditVerification:
    wrong = made.difference
    with unit_of_work():
        row = AuditVerification.objects.create(
            kind=kind,
            start=span[0],
            stop=span[1],
            head_size=head.size,
            root=None if wrong else made.root,
            outcome=VerificationOutcome.FAILED if wrong else VerificationOutcome.VERIFIED,
            bad_index=wrong.index if wrong else None,
            fault=wrong.fault if wrong else "",
            at=now,
            seconds=Decimal(f"{time.monotonic() - began:.3f}"),
        )
        settle_alerts(source=SOURCE, conditions=_conditions(), now=now)
    return row


def _conditions() -> dict[str, Condition]:
    failure = standing_failure()
    if failure is None:
        return {}
    summary = (
        f"The stored audit log is not what was signed: at index {failure.bad_index}, {Fault(failure.fault).label}. "
        "See docs/audit-explorer.md."
    )
    return {FAILED: Condition(Severity.CRITICAL, summary)}
