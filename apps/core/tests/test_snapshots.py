"""Reads as of one instant, in one connection and beside it, against a real database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection
from django.db.utils import InternalError, OperationalError

from apps.core import outbox
from apps.core.db import fetch_one, meanwhile, run_sql, snapshot, unit_of_work
from apps.core.models import OutboxEvent

SETTINGS = "SELECT current_setting('statement_timeout'), current_setting('work_mem')"


def publish() -> None:
    """Committed by a connection of its own."""

    def work() -> None:
        try:
            with unit_of_work():
                outbox.publish(topic="snapshot", key="k")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def counted() -> int:
    return OutboxEvent.objects.filter(topic="snapshot").count()


@pytest.mark.usefixtures("books")
class TestSnapshots:
    def test_what_is_read_beside_it_is_as_of_the_same_instant(self) -> None:
        before = counted()
        with snapshot():
            assert counted() == before
            publish()
            with meanwhile(counted) as found:
                assert (counted(), found.result()) == (before, before)
        assert counted() == before + 1

    def test_has_the_same_bounds_beside_it(self) -> None:
        with snapshot(statement_seconds=7, work_megabytes=65), meanwhile(lambda: fetch_one(SETTINGS)) as found:
            assert found.result() == fetch_one(SETTINGS) == ("7s", "65MB")

    def test_a_statement_beside_it_that_takes_too_long_is_ended(self) -> None:
        with snapshot(statement_seconds=1), meanwhile(lambda: run_sql("SELECT pg_sleep(20)")) as found:
            with pytest.raises(OperationalError):
                found.result()
            assert counted() >= 0

    def test_nothing_can_be_written_in_it_or_beside_it(self) -> None:
        write = "DELETE FROM core_outboxevent"
        with pytest.raises(InternalError, match="read-only"), snapshot():
            run_sql(write)
        with snapshot(), meanwhile(lambda: run_sql(write)) as found, pytest.raises(DatabaseError):
            found.result()

    def test_leaves_no_connection_behind(self) -> None:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        before = fetch_one(count)
        with snapshot(), meanwhile(counted) as found:
            found.result()
        assert fetch_one(count) == before

    def test_is_refused_where_there_is_no_instant_to_share(self) -> None:
        with pytest.raises(RuntimeError), meanwhile(counted):
            pass
        with pytest.raises(RuntimeError), unit_of_work(), snapshot():
            pass
