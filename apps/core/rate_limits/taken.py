"""What a counter answers, and the arithmetic of the window that all stores share."""

from dataclasses import dataclass
from math import ceil, floor

from limits import RateLimitItem


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window counter: requests of the window before, of this one, and the seconds this one still lasts."""

    previous: int
    current: int
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the request may pass, how many more may, and whole seconds until there is more room."""

    allowed: bool
    limit: int
    window: int
    remaining: int
    wait: int


def taken(rate: RateLimitItem, window: Window, *, allowed: bool) -> Taken:
    """The answer of a counter in the state `window`."""
    length = rate.get_expiry()
    used = floor(window.previous * window.seconds_left / length) + window.current
    remaining = max(0, rate.amount - used) if allowed else 0
    wait = window.seconds_left if allowed else _until_room(rate, window)
    return Taken(allowed, rate.amount, length, remaining, max(1, ceil(wait)))


def _until_room(rate: RateLimitItem, window: Window) -> float:
    """Seconds until one more fits: the window before fades evenly, this one stays until its end."""
    free = rate.amount - window.current
    if free <= 0 or not window.previous:
        return window.seconds_left
    return window.seconds_left - free * rate.get_expiry() / window.previous
