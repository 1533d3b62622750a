"""One effect and one answer for a request that is sent again: what the Idempotency-Key header stands on.

The answer is kept in the commit of the effect, so there is never the one without the other. A request that was refused
keeps nothing. The database's clock decides when an answer expires; the sweeper removes what has.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.core.db import Advisory, run_sql, try_lock_and_read, unit_of_work, within_unit_of_work
from apps.core.errors import Conflict, DomainError, Kind
from apps.core.ids import new_id
from apps.core.sealing import Unreadable, fingerprint, is_fingerprint_of, seal, unseal

PURPOSE = "idempotent answers"
LIFETIME = timedelta(hours=24)
PURGE_BATCH = 500


class IdempotencyKeyReused(DomainError):
    """The key named another request before."""

    code, kind = "idempotency_key_reused", Kind.UNPROCESSABLE
    message = "This Idempotency-Key was used for another request: send a new key with a new request."
    advice = "Send this request with a key of its own, or the first one as it was."


class IdempotencyKeyInUse(Conflict):
    """The first request with this key is still under way."""

    code, retry_after = "idempotency_key_in_use", 1
    message = "A request with this Idempotency-Key is under way: send it again to get its answer."
    advice = "Repeat the same request with the same key after as many seconds as Retry-After says."


class IdempotencyAnswerUnreadable(Conflict):
    """The request had its effect, but the answer that was kept cannot be opened any more."""

    code = "idempotency_answer_unreadable"
    message = "This request was done before, but its answer cannot be read any more: look at what it made instead."
    advice = "Read what the command made. Sent under another key it would be done a second time."


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """Who sent what under which key. `content` is the canonical form of everything that makes two requests the same."""

    principal: str
    route: str
    key: str
    content: bytes

    @property
    def name(self) -> list[str]:
        """What is unique while the answer is kept."""
        return [self.principal, self.route, self.key]


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx as it was sent: its status, the headers its view set, its bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


_FIND = """
    SELECT fingerprint, status, headers::text, answer FROM core_idempotentrequest
    WHERE principal = %s AND route = %s AND key = %s AND expires_at > now()"""
# An expired answer that nobody has removed yet makes room; a live one stays, and then no row is touched.
_KEEP = """
    INSERT INTO core_idempotentrequest AS kept
        (id, principal, route, key, fingerprint, status, headers, answer, created_at, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now(), now() + %s)
    ON CONFLICT (principal, route, key) DO UPDATE SET
        (id, fingerprint, status, headers, answer, created_at, expires_at) = (EXCLUDED.id, EXCLUDED.fingerprint,
        EXCLUDED.status, EXCLUDED.headers, EXCLUDED.answer, EXCLUDED.created_at, EXCLUDED.expires_at)
    WHERE kept.expires_at <= now()"""
_PURGE = """
    DELETE FROM core_idempotentrequest WHERE expires_at <= now() AND id IN (
        SELECT id FROM core_idempotentrequest WHERE expires_at <= now()
        ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)"""


@within_unit_of_work
def earlier_answer(request: KeyedRequest) -> Answer | None:
    """The answer kept for this request; None if it is new, and then it is the only one under way until commit.

    Takes an advisory lock: call it before anything that locks rows. One round trip. Raises IdempotencyKeyInUse where
    another has that lock, IdempotencyKeyReused where the key named other content, IdempotencyAnswerUnreadable.
    """
    locked, row = try_lock_and_read(Advisory.IDEMPOTENCY, json.dumps(request.name), _FIND, request.name)
    if row is None:
        if not locked:
            raise IdempotencyKeyInUse
        return None
    mark, status, headers, sealed = row[0], row[1], json.loads(row[2]), bytes(row[3])
    try:
        body = unseal(sealed, purpose=PURPOSE, bound_to=_bound_to(request, mark, status, headers))
    except Unreadable as error:
        raise IdempotencyAnswerUnreadable from error
    if not is_fingerprint_of(request.content, mark, purpose=PURPOSE):
        raise IdempotencyKeyReused
    return Answer(status, headers, body)


@within_unit_of_work
def keep_answer(request: KeyedRequest, answer: Answer) -> None:
    """Keep the answer, sealed, in the commit of its effect. One round trip. Raises IdempotencyKeyInUse."""
    mark, headers = fingerprint(request.content, purpose=PURPOSE), dict(answer.headers)
    bound_to = _bound_to(request, mark, answer.status, headers)
    sealed = seal(answer.body, purpose=PURPOSE, bound_to=bound_to)
    row = [new_id(), *request.name, mark, answer.status, json.dumps(headers), sealed, LIFETIME]
    if not run_sql(_KEEP, row):
        raise IdempotencyKeyInUse


def _bound_to(request: KeyedRequest, mark: str, status: int, headers: dict[str, Any]) -> bytes:
    """What the sealed bytes belong to: moved to another row, or beside another status, they do not open."""
    return json.dumps([*request.name, mark, status, headers], sort_keys=True).encode()


def purge_expired(*, limit: int = PURGE_BATCH) -> int:
    """Remove answers that have expired, at most `limit`, and wait for nobody; how many."""
    with unit_of_work():
        return run_sql(_PURGE, [limit])
