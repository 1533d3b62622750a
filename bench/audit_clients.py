"""Clients that move balances, raw: with no event, with the log's, with one of a chain under a global lock."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import Any
from uuid import uuid4

from bench.books import fresh_books, set_up

CLIENTS, PROCESSES, BALANCES = 32, 4, 20_000
SECONDS, ROUNDS, SAID = 2.0, 7, 256
MAKE = f"""
CREATE TABLE bench_balance (id int PRIMARY KEY, amount numeric(38,0) NOT NULL) WITH (fillfactor = 80);
INSERT INTO bench_balance SELECT n, 1000000 FROM generate_series(1, {BALANCES}) n;
GRANT SELECT, UPDATE ON bench_balance TO PUBLIC
"""
MOVE = "UPDATE bench_balance SET amount = amount + 1 WHERE id = $1 RETURNING amount"
# As log_audit_event() writes it, of a user who has been seen in this session; sent with the move it tells of.
LOGGED = f"""
    WITH moved AS ({MOVE})
    INSERT INTO audit_auditlog (user_id, party_id, session_id, request_id, action, resource_type, resource_id,
        before, after, record_class, origin_id)
    SELECT $2, $3, $4, $5, 'bench.moved', 'balance', $1::text, ('{{"amount":"' || amount - 1 || '"}}')::json,
        ('{{"amount":"' || amount || '"}}')::json, 'ledger_and_journals', $6 FROM moved
"""
CHAINED = f"""
    WITH moved AS ({MOVE})
    INSERT INTO peer_audit (action, resource, before, after)
    SELECT 'bench.moved', 'balance/' || $1, ('{{"amount":"' || amount - 1 || '"}}')::json,
        ('{{"amount":"' || amount || '"}}')::json FROM moved
"""
STATEMENTS = {
    "unaudited": f"PREPARE move (int) AS {MOVE}",
    "ours": f"PREPARE move (int, uuid, uuid, uuid, text, uuid) AS {LOGGED}",
    "chain": f"PREPARE move (int) AS {CHAINED}",
}


def prepare() -> None:
    """The tables there are to be beside the books'."""
    from django.db import connections, transaction

    from bench.peers.global_chain import MAKE as PEER

    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        cursor.execute(MAKE)
        cursor.execute(PEER)


def rates_of(*kinds: str, say: Callable[[str], None]) -> list[float]:
    """The median rate of each kind, taken in turn on fresh books."""
    set_up()
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    with fresh_books():
        prepare()
        for number in range(1, ROUNDS + 1):
            for kind, taken in rates.items():
                taken.append(rate(kind))
            say(f"round {number}/{ROUNDS}: " + ", ".join(f"{kind} {taken[-1]:,.0f}/s" for kind, taken in rates.items()))
    return [median(taken) for taken in rates.values()]


def rate(kind: str) -> float:
    """Transactions a second of all clients together."""
    from django.db import connection

    settings = connection.get_connection_params()
    address = {name: settings[name] for name in ("host", "port", "dbname", "user", "password") if name in settings}
    context = get_context("spawn")
    start = context.Barrier(PROCESSES)
    with context.Pool(PROCESSES, initializer=_begin, initargs=(start,)) as pool:
        done = pool.starmap(_process, [(kind, address)] * PROCESSES, chunksize=1)
    return sum(count / seconds for count, seconds in done)


_start: Any = None


def _begin(start: Any) -> None:
    global _start  # noqa: PLW0603 (how a pool hands a barrier to its processes)
    _start = start


def _process(kind: str, address: dict[str, Any]) -> tuple[int, float]:
    """How many transactions the threads of one process did, and in how many seconds."""
    import psycopg2

    connections = [psycopg2.connect(**address) for _ in range(CLIENTS // PROCESSES)]
    for one in connections:
        with one.cursor() as cursor:
            cursor.execute(STATEMENTS[kind])
        one.commit()
    said = [_said() if kind == "ours" else () for _ in range(SAID)]
    _start.wait()
    began = time.monotonic()
    with ThreadPoolExecutor(len(connections)) as threads:
        counts = list(threads.map(lambda one: _client(one, said, began + SECONDS), connections))
    taken = time.monotonic() - began
    for one in connections:
        one.close()
    return sum(counts), taken


def _client(connection: Any, said: list[tuple[Any, ...]], until: float) -> int:
    done, chance = 0, random.Random()
    holes = "".join(", %s" for _ in said[0])
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(f"EXECUTE move (%s{holes})", (chance.randint(1, BALANCES), *said[done % SAID]))
            connection.commit()
            done += 1
    return done


def _said() -> tuple[Any, ...]:
    """Who acts: user, party, session, request and origin."""
    return tuple(str(uuid4()) for _ in range(5))
