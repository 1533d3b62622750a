"""From where a person came, sealed and committed to once, and then named by all their events."""

import threading
import time
from collections import OrderedDict
from uuid import UUID

from django.db import connection, transaction

from apps.audit.models import AuditOrigin
from apps.audit.services.commitments import commit
from apps.core.actor import Actor
from apps.vault.errors import SubjectErased
from apps.vault.fields import seal_now

KEPT = 10_000
# An origin is named by events of this many seconds at most: it can go when they have.
REUSED_SECONDS = 24 * 3600
Key = tuple[str, UUID | None, UUID | None, str | None, str | None]


class Origins:
    """Those this process has written and committed: a bounded number, the least used forgotten first."""

    def __init__(self) -> None:
        self._held: OrderedDict[Key, tuple[UUID, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> UUID | None:
        """Its id, if it may still be named."""
        with self._lock:
            found = self._held.get(key)
            if found is None or time.monotonic() >= found[1]:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: Key, origin: UUID) -> None:
        """Hold it, in the place of a former one."""
        with self._lock:
            self._held[key] = origin, time.monotonic() + REUSED_SECONDS
            self._held.move_to_end(key)
            while len(self._held) > KEPT:
                self._held.popitem(last=False)


_origins = Origins()


def origin_of(actor: Actor) -> UUID | None:
    """The origin that tells the actor's address and user agent; None where there is neither, or the user is forgotten.

    Written within the caller's transaction, unless this process has committed it before. Raises KeyUnavailable.
    """
    if not (actor.ip_address or actor.user_agent):
        return None
    key = (connection.settings_dict["NAME"], actor.user_id, actor.session_id, actor.ip_address, actor.user_agent)
    if (held := _origins.get(key)) is not None:
        return held
    values = {name: value for name, value in (("ip", actor.ip_address), ("user_agent", actor.user_agent)) if value}
    committed, salts = commit(values)
    made = AuditOrigin(user_id=actor.user_id, session_id=actor.session_id, committed=committed, salts=salts, **values)
    try:
        seal_now(made)
    except SubjectErased:
        # Somebody tries to log in as a person who has been forgotten: nothing new is kept of them.
        return None
    made.save(force_insert=True)
    transaction.on_commit(lambda: _origins.put(key, made.pk))
    return made.pk
