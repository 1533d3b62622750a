"""Is it alive, is it ready: liveness asks nothing, readiness asks every registered part, all at once, for a moment.

What is said is meant for anyone: parts, states and counts, never a host, a version or an error's text.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from apps.api.shared import Shared
from apps.core.cache.backend import FallbackCache
from apps.core.db import fetch_all
from apps.core.registry import Check, Health, registry

log = logging.getLogger(__name__)

# All parts together have this long; probes within the same second share one answer.
DEADLINE_SECONDS = 2.0
SHARED_SECONDS = 1.0
# That all migrations are applied stays true while a release runs.
MIGRATIONS_SECONDS = 60.0
RETRY_AFTER = 2


@dataclass(frozen=True, slots=True)
class Readiness:
    """The parts and the whole: "ready", "degraded" (a part that is not required fails) or "unavailable"."""

    status: str
    checks: Mapping[str, Health]

    @property
    def failing(self) -> list[str]:
        """The parts that are not well."""
        return [name for name, check in self.checks.items() if not check.ok]


class Question:
    """A check under way in a thread of its own, so that one that hangs keeps nobody waiting."""

    def __init__(self, name: str, check: Check) -> None:
        self.name, self._check = name, check
        self.answered = threading.Event()
        self._answer = Health(ok=False, detail="no answer in time", required=check.required)
        threading.Thread(target=self._ask, name=f"health-{name}", daemon=True).start()

    def answer(self) -> Health:
        """What the check said, or that it has not."""
        return self._answer

    def _ask(self) -> None:
        try:
            self._answer = self._check.ask()
        except Exception as error:
            extra = {"check": self.name, "error": type(error).__name__}
            log.warning("health check failed", extra=extra, exc_info=True)
            detail = "the check itself failed: see the log"
            self._answer = Health(ok=False, detail=detail, required=self._check.required)
        finally:
            connections.close_all()
            self.answered.set()


class Examiner:
    """Asks all parts at once. One that still owes an answer is waited for, and not asked again meanwhile."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline_seconds = deadline_seconds
        self._open: dict[str, Question] = {}

    def examine(self) -> Readiness:
        """Every part's answer, those that came within the deadline; not to be called by two threads at a time."""
        deadline = time.monotonic() + self._deadline_seconds
        for name, check in registry.health_checks.items():
            if name not in self._open:
                self._open[name] = Question(name, check)
        questions = [self._open[name] for name in sorted(self._open)]
        for question in questions:
            question.answered.wait(max(deadline - time.monotonic(), 0))
        self._open = {question.name: question for question in questions if not question.answered.is_set()}
        return _concluded({question.name: question.answer() for question in questions})


readiness = Shared(Examiner().examine, SHARED_SECONDS)


def _concluded(checks: Mapping[str, Health]) -> Readiness:
    failed = [check for check in checks.values() if not check.ok]
    if any(check.required for check in failed):
        return Readiness("unavailable", checks)
    return Readiness("degraded" if failed else "ready", checks)


def database() -> Health:
    """The database answers."""
    try:
        fetch_all("SELECT 1")
    except DatabaseError:
        return Health(ok=False, detail="the database does not answer")
    return Health(ok=True)


class Migrations:
    """Every migration of this release has been applied."""

    def __init__(self) -> None:
        self._applied_until = 0.0

    def __call__(self) -> Health:
        """Reads what is applied, at most once a minute once all is."""
        if time.monotonic() < self._applied_until:
            return Health(ok=True)
        executor = MigrationExecutor(connections["default"])
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if waiting:
            return Health(ok=False, detail=f"{waiting} not applied: run manage.py migrate")
        self._applied_until = time.monotonic() + MIGRATIONS_SECONDS
        return Health(ok=True)


def redis_cache() -> Health:
    """The cache server answers; without it everything works, more slowly."""
    if cast("FallbackCache", caches["default"]).answers():
        return Health(ok=True, required=False)
    return Health(ok=False, detail="the cache does not answer: results are kept in memory", required=False)


def engines() -> Health:
    """Every engine has a leader whose heart beats; without one its work waits, and nothing is lost."""
    beats = "SELECT name FROM core_enginestate WHERE heartbeat_at > now() - make_interval(secs => %s)"
    beating = {name for (name,) in fetch_all(beats, [settings.SECURITY.monitoring.thresholds.engine_silent_seconds])}
    silent = sorted(set(registry.engines) - beating)
    return Health(ok=not silent, detail=f"no leader: {', '.join(silent)}" if silent else "", required=False)
