"""Refusals that anybody can bring about as often as they like: logins that do not hold, and asking too often.

Recorded in bounded number, or whoever is refused could fill the log: one a minute for each caller, page and status, and
of callers whom nobody knows, whatever their addresses, OF_UNKNOWN a minute altogether.
"""

import threading
import time

from limits import RateLimitItemPerMinute

from apps.audit.services.access import record_access_refused
from apps.core.actor import Actor
from apps.core.rate_limits import CountersDown, count, key_of_address, key_of_caller

OF_ONE, OF_UNKNOWN = RateLimitItemPerMinute(1), RateLimitItemPerMinute(60)
SECONDS, MOST = 60.0, 10_000


class Told:
    """What this process need not ask the counters about for a minute."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def is_told(self, key: str) -> bool:
        """Whether it was told within the minute; it is from now on."""
        now = time.monotonic()
        with self._lock:
            if now < self._until.get(key, 0.0):
                return True
            if len(self._until) >= MOST:
                self._until.clear()
            self._until[key] = now + SECONDS
            return False


_told = Told()


def record_refusal(*, actor: Actor, page: str, object_id: str, method: str, status: int) -> bool:
    """Append that the actor, or nobody known from their address, was refused; false if it was told often enough."""
    is_known = actor.user_id is not None
    who = str(actor.user_id) if is_known else key_of_address(actor.ip_address)
    key = key_of_caller("refusal", who, page, str(status))
    if _told.is_told(key) or not _may_tell(key, is_known=is_known):
        return False
    record_access_refused(actor=actor, page=page, object_id=object_id, method=method, status=status)
    return True


def _may_tell(key: str, *, is_known: bool) -> bool:
    try:
        return count(OF_ONE, key).allowed and (
            is_known or count(OF_UNKNOWN, key_of_caller("refusals", "unknown")).allowed
        )
    except CountersDown:
        # The number of users is bounded, and that of addresses is not.
        return is_known
