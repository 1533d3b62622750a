"""Committed events get their places in the log."""

from collections.abc import Callable

from apps.core.db import fetch_one, unit_of_work


def number_events(*, limit: int, fence: Callable[[], None]) -> int:
    """Give the next events their places, `limit` at most: how many.

    `fence` is called first within the commit, and raises if somebody else leads. Which event gets which place the
    database alone decides.
    """
    with unit_of_work():
        fence()
        row = fetch_one("SELECT audit_number_events(%s)", [limit])
    return row[0] if row else 0
