"""Advisory locks: their keys in one registry, and taken before any row lock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.db.sql import fetch_one, run_sql


class NoSession(RuntimeError):
    """What this connection says may be answered by another session each time."""

    def __init__(self) -> None:
        super().__init__("a session lock needs a direct connection to PostgreSQL: set DATABASE_DIRECT_URL")


class Advisory(IntEnum):
    """The first half of an advisory lock's key; the second says which one."""

    ENGINE_LEADER = 1
    DEPLOY_CONTRACTS = 2
    RECONCILIATION = 3
    PLATFORM_PARTY = 4
    IDEMPOTENCY = 5
    SUBJECT_KEYS = 6
    KEY_ROTATION = 7
    AUDIT_EXPIRY = 8
    RECONCILING = 9


def lock_for_transaction(kind: Advisory, key: str = "") -> None:
    """Wait for a lock that is released when the transaction ends. Take it before any row lock."""
    if not connection.in_atomic_block:
        raise RuntimeError("lock_for_transaction() must run within a unit of work")
    run_sql("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [int(kind), key])


def try_lock_and_read(
    kind: Advisory, key: str, query: str, params: Sequence[Any]
) -> tuple[bool, tuple[Any, ...] | None]:
    """Take a lock until the transaction ends, if it is free, and then read, in one round trip: (taken, first row).

    Each statement of the string sees what was committed before it began, so whoever gets the lock sees all that its
    last holder wrote. `query` is SQL of our own, without a semicolon.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("try_lock_and_read() must run within a unit of work")
    row = fetch_one(
        f"""SELECT set_config('bookentry.taken', pg_try_advisory_xact_lock(%s, hashtext(%s))::text, true);
            SELECT current_setting('bookentry.taken')::boolean, found.*
            FROM (SELECT) one LEFT JOIN (SELECT true, asked.* FROM ({query}) asked LIMIT 1) found ON true""",  # noqa: S608 (our own words)
        [int(kind), key, *params],
    )
    if row is None:
        raise RuntimeError("a left join returns a row")
    return row[0], row[2:] if row[1] else None


def try_session_lock(kind: Advisory, key: str = "") -> bool:
    """Take a lock that lasts as long as this thread's own session, if it is free.

    Raises NoSession behind a pooler: it lends one session to many, and a lock taken in it belongs to all of them.
    """
    with own_session().cursor() as cursor:
        cursor.execute(
            "SELECT CASE current_setting('bookentry.session', true) WHEN 'own' "
            "THEN pg_try_advisory_lock(%s, hashtext(%s)) END",
            [int(kind), key],
        )
        row = cursor.fetchone()
    if row is None or row[0] is None:
        raise NoSession
    return bool(row[0])


@contextmanager
def session_lock(kind: Advisory, key: str = "") -> Iterator[bool]:
    """Whether the lock was free; if so it is held until the block ends, or the process does. Raises NoSession."""
    taken = try_session_lock(kind, key)
    try:
        yield taken
    finally:
        if taken:
            with own_session().cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [int(kind), key])


def own_session() -> BaseDatabaseWrapper:
    """This thread's connection that is a session of its own: the usual one, unless a pooler lends that."""
    pooled = connections[DEFAULT_DB_ALIAS].settings_dict.get("POOLED", False)
    return connections["direct" if pooled else DEFAULT_DB_ALIAS]
