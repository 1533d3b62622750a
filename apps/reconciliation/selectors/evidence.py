"""What is stored about a break on each side: logs beside the entries that book them, and transactions.

Of a break with a transaction, its logs; of any other, the newest logs that name its wallet.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from apps.chain.selectors.events import naming, token_events
from apps.chain.selectors.intents import intent, of_transactions
from apps.chain.selectors.topics import topics_of
from apps.chain.types.events import TradeSettled
from apps.core.db import fetch_all
from apps.reconciliation.types import BreakView, EntryEvidence, Evidence, LogEvidence, TransactionEvidence

NEWEST = 20
# A log is booked under its own key; as the leg of a trade, under that of the trade which the next event of its
# transaction says has settled.
LOGS = """
SELECT l.block_number, l.log_index, '0x' || encode(l.tx_hash, 'hex'), '0x' || encode(l.address, 'hex'),
       p.asset, a.decimals, '0x' || encode(l.sender, 'hex'), '0x' || encode(l.recipient, 'hex'), l.amount,
       CASE WHEN b.canonical THEN b.finality ELSE 'ORPHANED' END, booked.id
FROM chain_rawlog l
JOIN chain_block b ON b.id = l.block_id
LEFT JOIN settlement_projectedcontract p ON p.address = '0x' || encode(l.address, 'hex')
LEFT JOIN ledger_asset a ON a.code = p.asset
LEFT JOIN LATERAL (
    SELECT t.id, 0 AS place FROM ledger_transfer t WHERE t.idem_key = 'log:' || b.hash || ':' || l.log_index
    UNION ALL
    SELECT t.id, s.log_index
    FROM chain_rawlog s
    JOIN settlement_settlementinstruction i ON i.dvp_id = '0x' || encode(substring(s.topics, 33, 32), 'hex')
    JOIN ledger_transfer t
        ON t.idem_key = i.trade_ref || CASE p.asset WHEN i.isin THEN ':security:posted' ELSE ':cash:posted' END
    WHERE s.block_id = l.block_id AND s.tx_hash = l.tx_hash AND s.log_index > l.log_index
      AND substring(s.topics, 1, 32) = ANY(%(settled)s)
      AND (p.asset, '0x' || encode(l.sender, 'hex'), l.amount)
          IN ((i.isin, i.seller_wallet, i.quantity), (i.cash_asset, i.buyer_wallet, i.cash_amount))
    ORDER BY place LIMIT 1
) booked ON true
WHERE {which}
ORDER BY l.block_number DESC, l.log_index LIMIT {newest}
"""
OF_TRANSACTION = "l.tx_hash = decode(substr(%(tx_hash)s, 3), 'hex')"
BY_ID = "l.id = ANY(%(keys)s)"
ENTRIES = """
SELECT t.id, t.kind, t.state, d.asset, a.decimals, t.amount, d.kind || coalesce(' ' || d.wallet_address, ''),
       c.kind || coalesce(' ' || c.wallet_address, ''), t.source_ref, t.effective_at
FROM ledger_transfer t
JOIN ledger_account d ON d.id = t.debit_account_id
JOIN ledger_account c ON c.id = t.credit_account_id
JOIN ledger_asset a ON a.code = d.asset
WHERE t.id = ANY(%s) OR t.idem_key = ANY(%s)
ORDER BY t.id
"""
SETTLED: dict[str, Any] = {"settled": [bytes.fromhex(topic[2:]) for topic in topics_of(TradeSettled)]}


def evidence_of(found: BreakView, resolution_ids: Collection[UUID]) -> Evidence:
    """At most the newest twenty logs, the entries that book them or that these resolutions posted, the transactions."""
    logs = _logs(found)
    posted = [log.transfer_id for log in logs if log.transfer_id is not None]
    entries = fetch_all(ENTRIES, [posted, [f"resolution:{pk}" for pk in resolution_ids]])
    hashes = dict.fromkeys([*([found.tx_hash] if found.tx_hash else []), *(log.tx_hash for log in logs)])
    return Evidence(
        logs=logs,
        entries=tuple(_entry(*row) for row in entries),
        transactions=_transactions(list(hashes)),
    )


def _logs(found: BreakView) -> tuple[LogEvidence, ...]:
    if found.tx_hash:
        rows = fetch_all(LOGS.format(which=OF_TRANSACTION, newest=NEWEST), SETTLED | {"tx_hash": found.tx_hash})
    elif found.wallet_address:
        named = token_events(isins=[found.isin]).filter(naming([found.wallet_address]))
        keys = list(named.order_by("-block_number", "log_index").values_list("pk", flat=True)[:NEWEST])
        rows = fetch_all(LOGS.format(which=BY_ID, newest=NEWEST), SETTLED | {"keys": keys})
    else:
        rows = []
    return tuple(_log(*row) for row in rows)


def _log(*stored: Any) -> LogEvidence:
    number, index, tx_hash, token, asset, decimals, sender, recipient, amount, finality, transfer_id = stored
    units = None if amount is None else int(amount)
    return LogEvidence(number, index, tx_hash, token, asset, decimals, sender, recipient, units, finality, transfer_id)


def _entry(*stored: Any) -> EntryEvidence:
    pk, kind, state, asset, decimals, amount, *others = stored
    return EntryEvidence(pk, kind, state, asset, decimals, int(amount), *others)


def _transactions(tx_hashes: list[str]) -> tuple[TransactionEvidence, ...]:
    sent = of_transactions(tx_hashes)
    return tuple(_transaction(tx_hash, sent.get(tx_hash)) for tx_hash in tx_hashes)


def _transaction(tx_hash: str, intent_id: UUID | None) -> TransactionEvidence:
    if intent_id is None:
        return TransactionEvidence(tx_hash, None, "", "", "")
    ours = intent(intent_id)
    return TransactionEvidence(tx_hash, ours.id, ours.kind, ours.state, ours.business_key)
