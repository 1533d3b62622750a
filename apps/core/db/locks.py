"""Advisory locks: their keys in one registry, and taken before any row lock."""

from enum import IntEnum

from django.db import connection

from apps.core.db.sql import fetch_one, run_sql


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
    """Take a lock that lasts as long as this connection, if it is free."""
    row = fetch_one("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [int(kind), key])
    return bool(row and row[0])
