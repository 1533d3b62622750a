"""Waiting for what other processes do."""

import time
from collections.abc import Callable

LOOK_SECONDS = 0.05  # of servers in this process too: how soon they see that they shall end


def until(condition: Callable[[], object], seconds: float = 60, what: str = "what was waited for") -> None:
    """Return as soon as the condition holds. Raises AssertionError when it has not for so long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(LOOK_SECONDS)
