"""LISTEN and NOTIFY: a wake-up, never the work itself."""

import select
from types import TracebackType
from typing import Self

import psycopg2
from django.db import connections
from django.db.utils import OperationalError

from apps.core.db.sql import run_sql


def notify(channel: str, payload: str = "") -> None:
    """Wake the listeners of `channel` when (and only if) the present transaction commits."""
    run_sql("SELECT pg_notify(%s, %s)", [channel, payload])


class Listener:
    """A connection of its own, past any pooler, that waits on channels.

    Raises OperationalError when the connection is lost.
    """

    def __init__(self, *channels: str) -> None:
        params = connections["direct"].get_connection_params()
        params.pop("cursor_factory", None)
        try:
            self._connection = psycopg2.connect(**params)
        except psycopg2.Error as error:
            raise OperationalError(*error.args) from error
        self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            for channel in channels:
                cursor.execute(f'LISTEN "{channel}"')
        # Not select(), which knows no file beyond the 1,024th that a busy server has open.
        self._readable = select.poll()
        self._readable.register(self._connection, select.POLLIN)

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """What arrived as (channel, payload), waiting at most `seconds` for the first."""
        try:
            if not self._connection.notifies and not self._readable.poll(seconds * 1_000):
                return []
            self._connection.poll()
        except psycopg2.Error as error:
            raise OperationalError(*error.args) from error
        arrived = [(n.channel, n.payload) for n in self._connection.notifies]
        self._connection.notifies.clear()
        return arrived

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
