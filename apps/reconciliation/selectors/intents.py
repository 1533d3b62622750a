"""Chain transactions of ours that concern a security and are late, or did not do what they were sent for.

Reads the tables of chain and settlement.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings

from apps.core.db import fetch_all
from apps.reconciliation.classifying.intents import StaleIntent

# What waits for a person is in nobody's way. What is in a block only waits for its finality.
STALE = """
    SELECT i.id, i.kind, i.business_key, i.state, i.reason, coalesce(i.tx_hash, ''), i.created_at
    FROM chain_txintent i
    WHERE ((i.state IN ('NONCED', 'SIGNED', 'BROADCAST') AND i.created_at <= %(late)s)
        OR (i.state IN ('MINED', 'SAFE') AND i.created_at <= %(undecided)s)
        OR i.state = 'FAILED')
      AND (i."to" = ANY(%(addresses)s)
        OR EXISTS (SELECT FROM settlement_expectedmovement m WHERE m.intent_id = i.id AND m.asset = %(isin)s)
        OR EXISTS (
            SELECT FROM settlement_settlementattempt a
            JOIN settlement_settlementinstruction s ON s.id = a.instruction_id
            WHERE a.intent_id = i.id AND s.isin = %(isin)s))
    ORDER BY i.created_at, i.id
"""


def stale_intents(*, isin: str, addresses: Collection[str], now: datetime) -> list[StaleIntent]:
    """Intents of a security, or that call one of its contracts, later than the policy of sending calls late."""
    sending = settings.SECURITY.chain.sending
    params = {
        "isin": isin,
        "addresses": list(addresses),
        "late": now - timedelta(seconds=sending.late_seconds),
        "undecided": now - timedelta(seconds=sending.undecided_seconds),
    }
    return [
        StaleIntent(str(pk), kind, key, state, reason, tx_hash, created_at)
        for pk, kind, key, state, reason, tx_hash, created_at in fetch_all(STALE, params)
    ]
