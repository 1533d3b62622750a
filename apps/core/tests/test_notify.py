"""A listener hears what a commit sent, whatever else its process has open."""

import os
import resource
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.utils import OperationalError

from apps.core.db import Listener, notify, unit_of_work

BEYOND = 1_100  # more files than select() can name


def tell(channel: str, payload: str) -> None:
    with unit_of_work():
        notify(channel, payload)


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process has more files open than select() can name."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(2 * BEYOND, hard)), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(BEYOND)]
    yield
    for each in opened:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("books")
class TestListener:
    def test_hears_its_channels_and_no_other(self) -> None:
        with Listener("one", "two") as listener:
            tell("three", "no")
            tell("two", "b")
            tell("one", "a")
            heard = listener.wait(5)
            heard += listener.wait(1) if len(heard) < 2 else []
        assert heard == [("two", "b"), ("one", "a")]

    def test_hears_nothing_in_time_and_says_so(self) -> None:
        with Listener("one") as listener:
            assert listener.wait(0.05) == []

    def test_hears_in_a_process_that_has_very_many_files_open(self, many_files: None) -> None:
        with Listener("one") as listener:
            tell("one", "a")
            assert listener.wait(5) == [("one", "a")]

    def test_says_so_when_its_connection_is_lost(self) -> None:
        with Listener("one") as listener, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                """ AND query = 'LISTEN "one"'"""
            )
            assert cursor.fetchall() == [(True,)]
            with pytest.raises(OperationalError):  # the first may find the server's last words, which are no notice
                _ = [listener.wait(1) for _ in range(3)]
