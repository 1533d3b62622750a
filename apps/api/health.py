"""Is it alive, is it ready: liveness asks nothing, readiness asks every registered part."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from apps.core.models import EngineState
from apps.core.registry import Health, registry

log = logging.getLogger(__name__)

STALE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Readiness:
    """The parts and the whole: "ready", "degraded" (a part that is not required fails) or "unavailable"."""

    status: str
    checks: Mapping[str, Health]


def readiness() -> Readiness:
    """Ask every part. A part that raises has failed; it never takes readiness down with it."""
    checks = {name: _ask(name) for name in sorted(registry.health_checks)}
    failed = [check for check in checks.values() if not check.ok]
    if any(check.required for check in failed):
        return Readiness("unavailable", checks)
    return Readiness("degraded" if failed else "ready", checks)


def _ask(name: str) -> Health:
    try:
        return registry.health_checks[name]()
    except Exception:
        log.exception("health check failed", extra={"check": name})
        return Health(ok=False, detail="the check itself failed: see the log")


def database() -> Health:
    """The database answers."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Health(ok=False, detail="the database does not answer")
    return Health(ok=True)


def migrations() -> Health:
    """Every migration of this release has been applied."""
    executor = MigrationExecutor(connections["default"])
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return Health(ok=not waiting, detail=f"{waiting} not applied: run manage.py migrate" if waiting else "")


def redis_cache() -> Health:
    """The cache answers; without it everything works, more slowly."""
    cache.set("readiness", "1", timeout=5)
    if cache.get("readiness") == "1":
        return Health(ok=True, required=False)
    return Health(ok=False, detail="the cache does not answer", required=False)


def engines(now: datetime) -> Health:
    """Every engine has a leader whose heart beats; without one its work waits, and nothing is lost."""
    beating = set(EngineState.objects.filter(heartbeat_at__gt=now - STALE).values_list("name", flat=True))
    silent = sorted(set(registry.engines) - beating)
    return Health(ok=not silent, detail=f"no leader: {', '.join(silent)}" if silent else "", required=False)
