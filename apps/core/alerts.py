"""Alerts: raised by any room in the commit of what it saw, resolved in the commit that ends it, told by the outbox.

Raise and resolve at the end of the unit of work: the open alert's row is locked from then until its commit.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from apps.core import outbox
from apps.core.db import fetch_all, fetch_one, run_sql, within_unit_of_work
from apps.core.errors import InvalidValue
from apps.core.ids import new_id
from apps.core.metrics import Sample, gauge
from apps.core.models import Alert
from apps.core.registry import Event
from apps.core.types import Condition, Severity

log = logging.getLogger(__name__)

# Topics of the outbox. An open alert that grows more severe is told again, as escalated.
RAISED, ESCALATED, RESOLVED = "alert.raised", "alert.escalated", "alert.resolved"
URGENCY = list(Severity)
_TRIES = 5
KEY_LENGTH, SUMMARY_LENGTH, SOURCE_LENGTH = 255, 300, 64
# A condition that is looked at again and again is written down again only this often.
SEEN_AGAIN = timedelta(minutes=1)
LEVELS = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
    Severity.CRITICAL: logging.CRITICAL,
}
OPEN = gauge("bookentry_alerts_open", "Open alerts, by severity.", "severity")

# Of many who raise at once one inserts; the others wait for it, and count.
_OPEN = """
    INSERT INTO core_alert (id, dedup_key, severity, summary, source, count, opened_at, last_seen_at)
    VALUES (%(id)s, %(key)s, %(severity)s, %(summary)s, %(source)s, 1, %(now)s, %(now)s)
    ON CONFLICT (dedup_key) WHERE resolved_at IS NULL DO NOTHING
"""
_RESOLVE = """
    UPDATE core_alert SET resolved_at = greatest(%s, opened_at)
    WHERE dedup_key = %s AND resolved_at IS NULL RETURNING id, severity, source
"""


@within_unit_of_work
def raise_alert(*, dedup_key: str, severity: Severity, summary: str, now: datetime, source: str = "") -> UUID:
    """Open an alert, or count on the one open under this key; its id.

    `source` is the room that raises it: what stands before the key's first colon, if it is not said. While the alert
    is open its severity may rise and never falls. Raises InvalidValue for a key, summary or source that is empty or too
    long. Neither may hold personal data.
    """
    source = source or dedup_key.partition(":")[0]
    _require("dedup_key", dedup_key, KEY_LENGTH)
    _require("summary", summary, SUMMARY_LENGTH)
    _require("source", source, SOURCE_LENGTH)
    given = {"key": dedup_key, "severity": severity.value, "summary": summary, "source": source, "now": now}
    for _ in range(_TRIES):
        alert_id = new_id()
        if run_sql(_OPEN, given | {"id": alert_id}):
            _tell(RAISED, alert_id, severity, source)
            return alert_id
        if (alert := _count_on(dedup_key, severity, summary, now)) is not None:
            return alert.pk
    raise RuntimeError("an alert is opened and resolved faster than it can be counted on")


def _count_on(dedup_key: str, severity: Severity, summary: str, now: datetime) -> Alert | None:
    """The open alert, seen once more; None if it has been resolved meanwhile."""
    alert = Alert.objects.select_for_update(no_key=True).filter(dedup_key=dedup_key, resolved_at=None).first()
    if alert is None:
        return None
    before = Severity(alert.severity)
    alert.severity = max(before, severity, key=URGENCY.index)
    alert.count, alert.summary = alert.count + 1, summary
    alert.last_seen_at = max(alert.last_seen_at, now)
    alert.save(update_fields=["severity", "count", "summary", "last_seen_at"])
    if alert.severity != before:
        _tell(ESCALATED, alert.pk, Severity(alert.severity), alert.source)
    return alert


@within_unit_of_work
def resolve_alert(*, dedup_key: str, now: datetime) -> bool:
    """Close the alert open under this key; false if none is."""
    row = fetch_one(_RESOLVE, [now, dedup_key])
    if row is not None:
        alert_id, severity, source = row
        _tell(RESOLVED, alert_id, Severity(severity), source)
    return row is not None


@within_unit_of_work
def settle_alerts(*, source: str, conditions: Mapping[str, Condition], now: datetime) -> None:
    """Make the open alerts of `source` be those of `conditions` (by dedup key): raise, keep, resolve.

    For who looks at a state again and again. One that stays as it is, is counted once a minute.
    """
    open_now = {alert.dedup_key: alert for alert in Alert.objects.filter(source=source, resolved_at=None)}
    for key, condition in sorted(conditions.items()):
        alert = open_now.get(key)
        if alert is None or _grows(alert, condition) or now - alert.last_seen_at >= SEEN_AGAIN:
            raise_alert(dedup_key=key, severity=condition.severity, summary=condition.summary, now=now, source=source)
    for key in sorted(set(open_now) - set(conditions)):
        resolve_alert(dedup_key=key, now=now)


def _grows(alert: Alert, condition: Condition) -> bool:
    return URGENCY.index(condition.severity) > URGENCY.index(Severity(alert.severity))


def log_alert(event: Event) -> None:
    """The first channel: the log, at the alert's severity. A consumer of the three topics."""
    alert = Alert.objects.get(pk=event.payload["alert_id"])
    severity = Severity(event.payload["severity"])
    level = logging.INFO if event.topic == RESOLVED else LEVELS[severity]
    extra = {"alert_id": str(alert.pk), "dedup_key": alert.dedup_key, "severity": severity.value}
    log.log(level, event.topic.replace(".", " "), extra=extra | {"source": alert.source, "summary": alert.summary})


def measure() -> Iterator[Sample]:
    """Open alerts by severity, by the index of open keys."""
    rows = fetch_all("SELECT severity, count(*) FROM core_alert WHERE resolved_at IS NULL GROUP BY severity")
    found = dict(rows)
    for severity in Severity:
        yield OPEN.sample(found.get(severity.value, 0), severity=severity.value)


def _require(name: str, value: str, longest: int) -> None:
    if not 0 < len(value) <= longest:
        raise InvalidValue(f"An alert's {name} has 1 to {longest} characters.", field=name)


def _tell(topic: str, alert_id: UUID, severity: Severity, source: str) -> None:
    payload = {"alert_id": str(alert_id), "severity": severity.value, "source": source}
    outbox.publish(topic=topic, key=str(alert_id), payload=payload)
