"""No scrape reads what grows for ever: each statement behind a metric is bounded by an index of what still matters."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from apps.core.db import run_sql, unit_of_work
from apps.core.registry import registry

# As large as the installation is, not as old: a row for each engine, signer, shard, worker, job, service, wallet's
# contract or cursor. The inbox and the pending events hold what waits, and are counted up to a bound.
SMALL = {
    *("core_enginestate", "core_scheduledjob", "core_workerheartbeat", "core_providercircuit"),
    *("chain_signer", "chain_streamcursor", "dex_sequencer", "settlement_projectioncursor"),
    *("dex_inbox", "core_outboxpending"),
    # A few rows a year.
    *("vault_purposekey", "vault_keyrotation", "vault_rotatedcolumn"),
    # A row an hour at most, of which the newest are looked at first.
    *("audit_verification", "audit_expiry_run"),
}
# Only what is wrong is ever written there, and it is counted up to a bound.
WRONG = {"settlement_unexplainedmovement"}
# As many rows as there are hands that work: some of them may be read for nothing.
HELD = {"work_item_leased"}


def statements(source: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep), unit_of_work():
        list(source.read())
    return [(sql, params) for sql, params in found if sql.lstrip().upper().startswith("SELECT")]


def plan(sql: str, params: Any) -> dict[str, Any]:
    """What the database would do with large tables: it reads and sorts them whole only if there is no other way."""
    with unit_of_work(), connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort"):
            run_sql(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        found = cursor.fetchone()[0]
    return dict((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in node:
        yield node
    for child in node.get("Plans", []):
        yield from scans(child)


def partial_indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        return {name for (name,) in cursor.fetchall()}


def is_bounded(scan: dict[str, Any], partial: set[str]) -> bool:
    """Everything the scan reads counts: it is told apart by an index, and nothing is read to be thrown away."""
    if scan["Relation Name"] in SMALL | WRONG or scan["Relation Name"].startswith("pg_"):
        return True
    told_apart = "Index Cond" in scan or scan.get("Index Name") in partial
    return told_apart and ("Filter" not in scan or scan["Index Name"] in HELD)


@pytest.mark.usefixtures("books")
class TestTheStatementsOfAScrape:
    @pytest.mark.parametrize("name", sorted(s.name for s in registry.metrics.values() if s.reads_database))
    def test_read_nothing_that_grows(self, name: str) -> None:
        partial = partial_indexes()
        asked = statements(registry.metrics[name])
        assert asked
        unbounded = [
            (scan["Relation Name"], scan.get("Index Name"), scan.get("Filter"))
            for sql, params in asked
            for scan in scans(plan(sql, params))
            if not is_bounded(scan, partial)
        ]
        assert unbounded == []
