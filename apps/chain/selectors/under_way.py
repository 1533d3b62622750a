"""What each signer has on its way, as far as its window reaches: none hides another's. Ids and hashes, not rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.core.db import fetch_all

HASHES = """
    SELECT i.id, array_agg(a.hash::text ORDER BY a.number)
    FROM chain_signer s
    CROSS JOIN LATERAL (
        SELECT id, nonce FROM chain_txintent WHERE signer_id = s.role AND state = 'BROADCAST' ORDER BY nonce LIMIT %s) i
    JOIN chain_txattempt a ON a.intent_id = i.id
    GROUP BY s.role, i.nonce, i.id ORDER BY s.role, i.nonce
"""
WAITING = """
    SELECT i.id, s.role, i.state, i.place = 1, a.hash, a.max_fee < %s AND a.created_at <= %s
    FROM chain_signer s
    CROSS JOIN LATERAL (
        SELECT id, nonce, state, row_number() OVER (ORDER BY nonce) AS place
        FROM chain_txintent WHERE signer_id = s.role AND state IN ('SIGNED', 'BROADCAST') ORDER BY nonce LIMIT %s) i
    CROSS JOIN LATERAL (
        SELECT hash, max_fee, created_at FROM chain_txattempt WHERE intent_id = i.id ORDER BY number DESC LIMIT 1) a
    WHERE s.frozen_at IS NULL AND (i.place = 1 OR (a.max_fee < %s AND a.created_at <= %s))
    ORDER BY s.role, i.nonce
"""
# Behind a nonce that is not signed yet nothing is sent: a node would keep it, and no block could take it. The first is
# never too large: it would wait for ever.
READY = """
    SELECT id, raw, hashes FROM (
        SELECT i.id, a.raw, a.hashes, a.gas_limit, taken.gas + sum(a.gas_limit) OVER (ORDER BY i.id) AS filled
        FROM (
            SELECT COALESCE(sum(a.gas_limit), 0) AS gas FROM chain_txintent i
            JOIN chain_signer s ON s.role = i.signer_id JOIN chain_txattempt a ON a.intent_id = i.id
            WHERE i.state = 'BROADCAST' AND s.frozen_at IS NULL) taken
        CROSS JOIN chain_signer s
        CROSS JOIN LATERAL (
            SELECT min(nonce) AS nonce FROM chain_txintent WHERE signer_id = s.role AND state = 'NONCED') unsigned
        CROSS JOIN LATERAL (
            SELECT id FROM chain_txintent
            WHERE signer_id = s.role AND state = 'SIGNED' AND (unsigned.nonce IS NULL OR nonce < unsigned.nonce)
            ORDER BY nonce LIMIT %s) i
        CROSS JOIN LATERAL (
            SELECT (array_agg(raw ORDER BY number DESC))[1] AS raw, array_agg(hash::text ORDER BY number) AS hashes,
                (array_agg(gas_limit ORDER BY number DESC))[1] AS gas_limit
            FROM chain_txattempt WHERE intent_id = i.id) a
        WHERE s.frozen_at IS NULL) ready
    WHERE filled <= %s OR filled = gas_limit
    ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """An intent whose newest bytes may be sent now, and all hashes it has had, oldest first."""

    id: UUID
    raw: bytes
    hashes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An intent that no block has taken yet: its newest bytes' hash, whether it is its signer's next, and if the
    base fee has overtaken what it offers."""

    id: UUID
    role: str
    state: str
    is_next: bool
    hash: str
    is_overtaken: bool


def hashes_under_way() -> dict[UUID, Sequence[str]]:
    """All hashes of what is BROADCAST, oldest first, by intent."""
    return dict(fetch_all(HASHES, [_window()]))


def ready(*, block_gas: int) -> list[Ready]:
    """What is SIGNED, oldest intent first, as much as a block of so much gas has room for beside what is BROADCAST.

    More would only queue; and anvil drops what queues behind a sender's transaction that found its block full.
    """
    return [Ready(id_, bytes(raw), hashes) for id_, raw, hashes in fetch_all(READY, [_window(), block_gas])]


def waiting(*, base_fee: int, signed_before: datetime) -> list[Waiting]:
    """The next of each signer, and whatever offers less than the base fee and was signed by then."""
    late = [base_fee, signed_before]
    return [Waiting(*row) for row in fetch_all(WAITING, [*late, _window(), *late])]


def _window() -> int:
    return int(settings.SECURITY.chain.sending.in_flight)
