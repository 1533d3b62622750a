"""Events a second that are numbered, hashed and signed: of a backlog, and how late they are under load.

On the durable PostgreSQL, with the application's role; the sequencer and the integrator in a thread each, as
`manage.py run_engines` runs them. `lag`: writers that commit one event a transaction, each to its own resource, as fast
as they can, in processes of their own; of every event the seconds from its insert to the commit of its hash, as the
integrator's own loop finds it (asking costs it some of its speed).
"""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import quantiles
from typing import Any

from bench.books import fresh_books, set_up
from bench.measure import stopwatch

NAME = "audit.sequence"
EVENTS, CHUNK, STREAMS = 200_000, 5_000, 2_000
ROUNDS, WRITERS, SECONDS = 3, 4, 20.0
BAR_RATE, BAR_LAG = 50_000, 2.0

INSERT = """
    INSERT INTO audit_auditlog (action, resource_type, resource_id, user_id, request_id, after)
    SELECT 'bench.order_placed', 'order', n %% %s, gen_random_uuid(), gen_random_uuid(),
        json_build_object('price', '1250', 'quantity', n::text, 'status', 'OPEN')
    FROM generate_series(%s, %s) n
"""
LATE = """
    SELECT extract(epoch FROM clock_timestamp() - e.created_at)
    FROM audit_leaf_hash h JOIN audit_leaf l ON l.index = h.index JOIN audit_auditlog e ON e.id = l.event
    WHERE h.index >= %s
"""

WRITTEN = "SELECT count(*) FROM audit_auditlog"


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """The median rate, and the percentiles of the lag."""
    set_up()
    rates = []
    with fresh_books():
        for number in range(1, ROUNDS + 1):
            _fill(EVENTS)
            rates.append(_drain(EVENTS))
            say(f"round {number}/{ROUNDS}: {rates[-1]:,.0f} events/s of a backlog of {EVENTS:,}")
    with fresh_books():
        lags, written = _under_load()
    cuts = quantiles(lags, n=100)
    found = {"events_per_second": round(sorted(rates)[len(rates) // 2]), "bar": BAR_RATE}
    found |= {"load_per_second": round(written / SECONDS), "lag_p50": round(cuts[49], 3), "lag_p99": round(cuts[98], 3)}
    met = found["events_per_second"] >= BAR_RATE and found["lag_p99"] <= BAR_LAG
    return {**found, "lag_max": round(max(lags), 3), "bar_lag_p99": BAR_LAG, "met": met, "unit": "events/s, s"}


def _fill(events: int) -> None:
    from apps.core.db import run_sql, unit_of_work

    for start in range(0, events, CHUNK):
        with unit_of_work():
            run_sql(INSERT, [STREAMS, start, start + CHUNK - 1])


def _drain(events: int) -> float:
    """Events a second, the last head signed."""
    from django.db import connections

    from apps.audit.engines import Integrator, Sequencer
    from apps.audit.selectors.tree import last_head, leaf_count
    from apps.audit.testing import lead
    from apps.core import clock

    before = leaf_count()
    integrator = Integrator()
    connections.close_all()
    leadership = lead(integrator)
    with stopwatch() as elapsed, _running(Sequencer()):
        while leaf_count() < before + events:
            if not integrator.step(leadership, clock.now()):
                time.sleep(0.01)  # the sequencer's first batch, and its last
        integrator.step(leadership, clock.now() + timedelta(hours=1))
    head = last_head()
    if leaf_count() - before != events or head is None or head.size != before + events:
        raise RuntimeError("the backlog was not numbered and signed")
    return events / elapsed()


@contextmanager
def _running(engine: Any) -> Iterator[None]:
    """The engine runs as `manage.py run_engines` runs it."""
    from apps.core.daemon import run_engine

    stop = threading.Event()
    thread = threading.Thread(target=run_engine, args=(engine, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _under_load() -> tuple[list[float], int]:
    """Every event's lag, and how many there were."""
    from django.db import connections

    from apps.audit.engines import Integrator, Sequencer
    from apps.audit.selectors.tree import leaf_count
    from apps.audit.testing import lead
    from apps.core import clock
    from apps.core.db import fetch_all, fetch_one

    connections.close_all()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(number, SECONDS), daemon=True) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    integrator = Integrator()
    leadership = lead(integrator)
    lags: list[float] = []
    done = 0
    with _running(Sequencer()):
        while any(writer.is_alive() for writer in writers) or (done,) != fetch_one(WRITTEN) or leaf_count() > done:
            more = integrator.step(leadership, clock.now())
            found = [float(row[0]) for row in fetch_all(LATE, [done])]
            lags += found
            done += len(found)
            if not more:
                time.sleep(integrator.poll_seconds)
    return lags, done


def _write(number: int, seconds: float) -> None:
    """A process: one event a transaction."""
    from apps.core.db import run_sql

    end, resource = time.monotonic() + seconds, number
    while time.monotonic() < end:
        resource = (resource + WRITERS) % STREAMS  # another writer's never
        run_sql(INSERT, [STREAMS, resource, resource])
