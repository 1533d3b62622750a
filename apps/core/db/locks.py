"""Advisory locks: their keys in one registry, and taken before any row lock."""

from enum import IntEnum

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.db.sql import run_sql


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


def lock_for_transaction(kind: Advisory, key: str = "") -> None:
    """Wait for a lock that is released when the transaction ends. Take it before any row lock."""
    if not connection.in_atomic_block:
        raise RuntimeError("lock_for_transaction() must run within a unit of work")
    run_sql("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [int(kind), key])


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


def own_session() -> BaseDatabaseWrapper:
    """This thread's connection that is a session of its own: the usual one, unless a pooler lends that."""
    pooled = connections[DEFAULT_DB_ALIAS].settings_dict.get("POOLED", False)
    return connections["direct" if pooled else DEFAULT_DB_ALIAS]
