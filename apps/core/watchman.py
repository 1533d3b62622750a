"""The watchman: looks every few seconds at conditions that nobody is there to report, and settles their alerts."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from apps.core import leases, relay
from apps.core.alerts import settle_alerts
from apps.core.daemon import Engine, Leadership
from apps.core.db import fetch_all, unit_of_work
from apps.core.models import OutboxPending, ProviderCircuit, WorkItem
from apps.core.registry import registry
from apps.core.services import workers
from apps.core.types import CircuitState, Condition, Severity, WorkState

log = logging.getLogger(__name__)

ENGINES, WORKERS, PROVIDERS = "engines", "workers", "providers"
NO_WORKER = f"{WORKERS}.silent"
# More kinds or topics than these are set aside at once only if everything is: then these suffice.
LOOKED_AT = 100


def silent_key(engine: str) -> str:
    """The alert's key while `engine` has no leader."""
    return f"{ENGINES}.silent:{engine}"


def circuit_key(provider: str) -> str:
    """The alert's key while the breaker of `provider` is not closed."""
    return f"{PROVIDERS}.open:{provider}"


class Watchman(Engine):
    """Led by one process; each look is a few bounded reads and writes only what changed."""

    name = "watchman"
    poll_seconds = 5.0

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._silent: frozenset[str] = frozenset()

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Look once."""
        self._since = self._since or now
        patient = (now - self._since).total_seconds() >= _limit()
        with unit_of_work():
            leadership.fence()
            silent = silent_engines(never_ran=patient)
            settle_alerts(source=ENGINES, conditions=silent, now=now)
            settle_alerts(source=WORKERS, conditions=no_worker() if patient else {}, now=now)
            settle_alerts(source=PROVIDERS, conditions=open_circuits(), now=now)
            settle_alerts(source=leases.SOURCE, conditions=dead_work(), now=now)
            settle_alerts(source=relay.SOURCE, conditions=dead_events(), now=now)
        self._say(frozenset(silent))
        return False

    def _say(self, silent: frozenset[str]) -> None:
        """The relay carries alerts to their channels: that it is silent itself, the log must hear from here."""
        for key in sorted(silent - self._silent):
            log.critical("engine silent", extra={"dedup_key": key})
        self._silent = silent


def _limit() -> int:
    return settings.SECURITY.monitoring.thresholds.engine_silent_seconds


def silent_engines(*, never_ran: bool) -> Mapping[str, Condition]:
    """Engines of this installation without a leader; those that never ran only if asked for."""
    beats = "SELECT name, extract(epoch FROM now() - heartbeat_at) FROM core_enginestate WHERE heartbeat_at IS NOT NULL"
    ages = {name: float(age) for name, age in fetch_all(beats)}
    limit = _limit()
    silent = [name for name in registry.engines if ages.get(name, limit + 1 if never_ran else 0) > limit]
    summary = "Engine {} has had no leader for more than {} seconds: its work waits."
    return {silent_key(name): Condition(Severity.CRITICAL, summary.format(name, limit)) for name in silent}


def no_worker() -> Mapping[str, Condition]:
    """Nobody consumes Celery's messages."""
    if workers.number_alive():
        return {}
    return {NO_WORKER: Condition(Severity.ERROR, "No Celery worker consumes: tasks wait, and nothing is lost.")}


def open_circuits() -> Mapping[str, Condition]:
    """Outside services whose breaker has not been closed for longer than an engine may be silent: it is no hiccup."""
    beyond = Now() - timedelta(seconds=_limit())
    circuits = ProviderCircuit.objects.filter(name__in=registry.providers, since__lt=beyond)
    summary = "The service {} does not answer: its calls are refused at once, and one tries it now and then."
    names = circuits.exclude(state=CircuitState.CLOSED).values_list("name", flat=True)
    return {circuit_key(name): Condition(Severity.ERROR, summary.format(name)) for name in names}


def dead_work() -> Mapping[str, Condition]:
    """Kinds of work of which some is set aside."""
    kinds = WorkItem.objects.filter(state=WorkState.DEAD).order_by("kind").values_list("kind", flat=True).distinct()
    return {leases.dead_key(kind): leases.dead_condition(kind) for kind in kinds[:LOOKED_AT]}


def dead_events() -> Mapping[str, Condition]:
    """Topics of which events are set aside."""
    dead = OutboxPending.objects.filter(dead_at__isnull=False)
    topics = dead.order_by("event__topic").values_list("event__topic", flat=True).distinct()
    return {relay.dead_key(topic): relay.dead_condition(topic) for topic in topics[:LOOKED_AT]}
