"""Changing the stored log as its owner can, and putting it back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

from apps.audit.services.trail import log_audit_event
from apps.audit.testing import HEAD_PAUSE, Led, pass_horizon
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work


def grow(*sizes: int) -> list[int]:
    """Events of a transaction each, and a signed head after each so many; the events' numbers."""
    log, now = Led(1000), clock.now()
    written = []
    for size in sizes:
        for number in range(size):
            with unit_of_work():
                written.append(
                    log_audit_event(
                        actor=system_actor(),
                        action="test.done",
                        resource_type="thing",
                        resource_id=str(number % 3),
                        after={"amount": str(number), "name": 'A "quoted",\n name – ü'},
                    )
                )
        pass_horizon()
        now += 2 * HEAD_PAUSE
        while log.step(now):
            pass
    return written


@contextmanager
def without_triggers(*tables: str) -> Iterator[Any]:
    """A cursor of the owner's, in one transaction, whom nothing refuses to change these tables."""
    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        enabled = {}
        for table in tables:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table])
            enabled[table] = [name for (name,) in cursor.fetchall()]
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, names in enabled.items():
            for name in names:
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


@contextmanager
def changed(*statements: tuple[str, list[Any]], tables: tuple[str, ...]) -> Iterator[None]:
    """The tables changed by these statements for as long as this lasts."""
    with without_triggers(*tables) as cursor:
        for table in tables:
            cursor.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
        for statement, params in statements:
            cursor.execute(statement, params)
            assert cursor.rowcount > 0, statement
    try:
        yield
    finally:
        with without_triggers(*tables) as cursor:
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")
                cursor.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE kept_{table}")
                cursor.execute(f"DROP TABLE kept_{table}")
