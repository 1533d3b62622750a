"""Expiring events: what is exported, anchored and past its class goes, in chunks of at most a second. See ADR 0016."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from apps.audit.errors import ExpiryTaken
from apps.audit.models import AuditExpiryRun
from apps.audit.services.retention import differing_classes
from apps.audit.types import Standing
from apps.core import request_id
from apps.core.alerts import settle_alerts
from apps.core.db import Advisory, fetch_all, fetch_one, in_unit_of_work, session_lock, unit_of_work
from apps.core.types import Condition, Severity

log = logging.getLogger(__name__)

SOURCE = "audit.expiry"
# What holds the audit trail's horizon commits within a second.
WANTED_SECONDS = 0.25
FIRST, LEAST, MOST = 500, 20, 5_000
MOST_ORIGINS = 2_000
# A pass that is not over by then does not come through.
OVERDUE = timedelta(days=2)
# One pass a night.
PAUSE = timedelta(hours=20)
_EXPIRE = "SELECT last, looked_at, removed, oldest, staying FROM audit_expire(%s, %s, %s)"
_ORIGINS = "SELECT last, removed FROM audit_expire_origins(%s, %s, %s)"
_STANDINGS = """
    SELECT max(event), count(*), min(written), record_class, standing FROM audit_standing(%s, %s)
    GROUP BY record_class, standing
"""


@dataclass(slots=True)
class Expired:
    """How far a pass has come: events looked at and removed, and by standing those that stay."""

    looked_at: int = 0
    removed: int = 0
    origins: int = 0
    staying: Counter[str] = field(default_factory=Counter)
    is_done: bool = False
    longest_seconds: float = 0.0


def expire_events(
    *,
    now: datetime,
    seconds: float | None = None,
    anew: bool = False,
    told: Callable[[Expired], object] = lambda _: None,
) -> Expired:
    """Remove what may go, from where the last pass was left or `anew`, for at most `seconds`; how the pass stands.

    Each chunk is a commit of its own with its event `audit.expired`, and `told` hears of it: ended at any moment, a
    later call goes on. Raises ExpiryTaken while another does it; RuntimeError within a unit of work.
    """
    if in_unit_of_work():
        raise RuntimeError("expire_events() commits in chunks: it must be the outermost door")
    with session_lock(Advisory.AUDIT_EXPIRY) as taken:
        if not taken:
            raise ExpiryTaken
        done, pace = _go_on(now, anew=anew), FIRST
        until = None if seconds is None else time.monotonic() + seconds
        while not done.is_done and (until is None or time.monotonic() < until):
            began = time.monotonic()
            _chunk(done, pace, now)
            took = time.monotonic() - began
            done.longest_seconds = max(done.longest_seconds, took)
            pace = max(LEAST, min(MOST, int(pace * min(2.0, WANTED_SECONDS / max(took, 1e-6)))))
            told(done)
        if done.is_done:
            done.origins = _expire_origins()
    watch_expiry(now=now)
    log.info("events expired", extra={"removed": done.removed, "looked_at": done.looked_at, "done": done.is_done})
    return done


def expire_tonight(*, now: datetime, seconds: float) -> Expired | None:
    """Go on with the pass that was left, or begin one if none has ended lately; None if there is nothing to do.

    Raises ExpiryTaken.
    """
    is_left = AuditExpiryRun.objects.filter(ended_at=None).exists()
    if not is_left and AuditExpiryRun.objects.filter(ended_at__gt=now - PAUSE).exists():
        return None
    return expire_events(now=now, seconds=seconds)


def look_ahead(*, told: Callable[[int], object] = lambda _: None) -> Counter[tuple[str, str]]:
    """What expire_events() would find, by (class, standing): nothing is written. `told` hears how many it has seen."""
    found: Counter[tuple[str, str]] = Counter()
    position, more = 0, True
    while more:
        rows = fetch_all(_STANDINGS, [position, MOST])
        for _last, count, _written, record_class, standing in rows:
            found[record_class, standing] += count
        position = max((row[0] for row in rows), default=position)
        more = not _is_last(sum(row[1] for row in rows), MOST, min((row[2] for row in rows), default=None))
        told(found.total())
    return found


def watch_expiry(*, now: datetime) -> None:
    """Have alerts open for what keeps events from expiring, and for no more."""
    with unit_of_work():
        settle_alerts(source=SOURCE, conditions=_conditions(now), now=now)


def _go_on(now: datetime, *, anew: bool) -> Expired:
    """The pass that was left, or a new one."""
    with unit_of_work():
        if anew:
            AuditExpiryRun.objects.filter(ended_at=None).delete()
        run, _ = AuditExpiryRun.objects.get_or_create(ended_at=None, defaults={"began_at": now})
    return Expired(run.looked_at, run.removed, staying=Counter(run.staying))


def _chunk(done: Expired, most: int, now: datetime) -> None:
    with unit_of_work():
        run = AuditExpiryRun.objects.select_for_update(no_key=True).get(ended_at=None)
        row = fetch_one(_EXPIRE, [run.position, most, request_id.current()])
        if row is None:
            raise RuntimeError("a function with results returns its row")
        last, looked_at, removed, oldest, staying = row
        run.position = run.position if last is None else last
        run.looked_at, run.removed = run.looked_at + looked_at, run.removed + removed
        run.staying = dict(Counter(run.staying) + Counter(staying or {}))
        is_done = _is_last(looked_at, most, oldest)
        run.ended_at = max(now, run.began_at) if is_done else None
        run.save(update_fields=["position", "looked_at", "removed", "staying", "ended_at"])
    done.looked_at, done.removed, done.staying, done.is_done = run.looked_at, run.removed, Counter(run.staying), is_done


def _expire_origins() -> int:
    """Remove the origins that no event names any more; how many."""
    position, removed = UUID(int=0), 0
    while True:
        with unit_of_work():
            row = fetch_one(_ORIGINS, [position, MOST_ORIGINS, request_id.current()])
        if row is None or row[0] is None:
            return removed
        position, removed = row[0], removed + row[1]


def _is_last(looked_at: int, most: int, oldest: datetime | None) -> bool:
    """Whether nothing that could expire follows: numbers grow with time, but for moments."""
    if looked_at < most or oldest is None:
        return True
    row = fetch_one("SELECT %s + min(days) * interval '24 hours' > clock_timestamp() FROM audit_retention", [oldest])
    return bool(row and row[0])


def _conditions(now: datetime) -> dict[str, Condition]:
    found = {}
    if names := differing_classes():
        summary = f"Periods of retention differ from the security policy's until the next migration: {', '.join(names)}"
        found[f"{SOURCE}:policy"] = Condition(Severity.WARNING, summary[:300])
    last = AuditExpiryRun.objects.exclude(ended_at=None).order_by("-ended_at").first()
    for standing, key, need in (
        (Standing.NOT_EXPORTED, "export", "a verified export (manage.py export_audit)"),
        (Standing.NOT_ANCHORED, "anchor", "an anchor of a later head"),
    ):
        if last is not None and (count := last.staying.get(standing.value, 0)):
            summary = f"{count} events of the audit log are past their period and wait for {need}."
            found[f"{SOURCE}:{key}"] = Condition(Severity.WARNING, summary)
    if AuditExpiryRun.objects.filter(ended_at=None, began_at__lt=now - OVERDUE).exists():
        found[f"{SOURCE}:overdue"] = Condition(
            Severity.WARNING, "A pass for expired audit events does not come to its end."
        )
    return found
