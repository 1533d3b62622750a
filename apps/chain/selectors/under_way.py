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


def waiting(*, base_fee: int, signed_before: datetime) -> list[Waiting]:
    """The next of each signer, and whatever offers less than the base fee and was signed by then."""
    late = [base_fee, signed_before]
    return [Waiting(*row) for row in fetch_all(WAITING, [*late, _window(), *late])]


def _window() -> int:
    return int(settings.SECURITY.chain.sending.in_flight)
