"""Transactions of a token in which logs and postings do not say the same, and what each of both says.

Reads the tables of chain, ledger and settlement. A posting cites its transaction by its key (a log), or by its source:
a trade that settled, a movement we announced, the resolution of a break, or the transaction itself.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from apps.chain.types.events import ZERO_ADDRESS
from apps.core.db import fetch_all
from apps.reconciliation.classifying.movements import Log, Posting

# What a posting cites: a transaction, or where nothing is found itself. An entry that mends another posting, or books a
# log, cites what that does; one that mends a position no cause was found for is at peace.
CITED = r"""
    coalesce(
        CASE WHEN t.idem_key LIKE 'log:0x%%' AND split_part(t.idem_key, ':', 3) ~ '^[0-9]{1,9}$' THEN (
            SELECT '0x' || encode(l.tx_hash, 'hex') FROM chain_block b JOIN chain_rawlog l ON l.block_id = b.id
            WHERE b.hash = split_part(t.idem_key, ':', 2) AND l.log_index = split_part(t.idem_key, ':', 3)::int
        ) END,
        (SELECT i.tx_hash FROM settlement_settlementinstruction i WHERE i.trade_ref = t.source_ref AND i.tx_hash <> ''),
        (SELECT m.tx_hash FROM settlement_expectedmovement m WHERE m.ref = t.source_ref AND m.tx_hash <> ''),
        CASE WHEN t.source_ref ~ '^0x[0-9a-f]{64}$' THEN t.source_ref END,
        CASE WHEN t.kind = 'CORRECTION' AND t.source_ref LIKE 'resolution:%%' THEN (
            SELECT CASE WHEN b.identity ~ ':(log|posting):' THEN coalesce(
                (SELECT nullif(e.tx_hash, '') FROM reconciliation_breakevent e
                 WHERE e.found_id = b.id AND e.run_id IS NOT NULL ORDER BY e.id DESC LIMIT 1),
                'posting:' || split_part(b.identity, ':', 3)) ELSE 'resolved' END
            FROM reconciliation_resolution r JOIN reconciliation_break b ON b.id = r.found_id
            WHERE r.transfer_id = t.id
        ) END,
        'posting:' || t.id
    )"""
POSTINGS = f"""
    account AS MATERIALIZED (
        SELECT id FROM ledger_account
        WHERE asset = %(asset)s AND wallet_address = ANY(%(texts)s)
    ), posting AS MATERIALIZED (
        SELECT t.id, t.idem_key, t.kind, t.amount, {CITED} AS cited,
               CASE WHEN debit.kind = 'POSITION' THEN decode(substr(debit.wallet_address, 3), 'hex') ELSE %(zero)s END
                   AS debit,
               CASE WHEN credit.kind = 'POSITION' THEN decode(substr(credit.wallet_address, 3), 'hex') ELSE %(zero)s END
                   AS credit,
               EXISTS (
                   SELECT FROM chain_block b
                   WHERE t.idem_key LIKE 'log:%%' AND b.hash = split_part(t.idem_key, ':', 2) AND NOT b.canonical
               ) AS orphaned
        FROM ledger_transfer t
        JOIN ledger_account debit ON debit.id = t.debit_account_id
        JOIN ledger_account credit ON credit.id = t.credit_account_id
        WHERE t.state = 'POSTED' AND debit.asset = %(asset)s AND (%(until)s::timestamptz IS NULL OR t.effective_at <= %(until)s)
          AND (t.id > %(sequence)s OR t.debit_account_id IN (SELECT id FROM account)
               OR t.credit_account_id IN (SELECT id FROM account))
    )"""  # noqa: E501, S608 (our own words)
# Logs of the wallets, of the blocks not looked at before, and those the projection could not explain.
LOGS = """
    noted AS MATERIALIZED (
        SELECT block_hash, log_index FROM settlement_unexplainedmovement
        WHERE asset = %(asset)s AND block_number <= %(block)s
    ), moved AS MATERIALIZED (
        SELECT e.block_id, e.block_number, e.sender, e.recipient, e.amount, l.log_index, b.hash, b.canonical,
               '0x' || encode(l.tx_hash, 'hex') AS cited,
               EXISTS (SELECT FROM noted WHERE noted.block_hash = b.hash AND noted.log_index = l.log_index) AS noted
        FROM chain_effect e JOIN chain_rawlog l ON l.id = e.log_id JOIN chain_block b ON b.id = e.block_id
        WHERE e.effect = 'M' AND e.token = %(token)s AND e.block_number <= %(block)s
          AND (e.block_number > %(after)s OR e.sender = ANY(%(wallets)s) OR e.recipient = ANY(%(wallets)s)
               OR e.block_number IN (SELECT block_number FROM settlement_unexplainedmovement WHERE asset = %(asset)s))
    )"""
# A transaction whose sums agree wallet by wallet is at peace, unless the projection could not explain it.
AT_ODDS = """
    odd AS MATERIALIZED (
        SELECT DISTINCT cited FROM (
            SELECT cited, sender AS wallet, -amount AS units FROM moved WHERE canonical
            UNION ALL SELECT cited, recipient, amount FROM moved WHERE canonical
            UNION ALL SELECT cited, debit, amount FROM posting
            UNION ALL SELECT cited, credit, -amount FROM posting
        ) entry WHERE wallet <> %(zero)s AND cited <> 'resolved'
        GROUP BY cited, wallet HAVING sum(units) <> 0
    )"""
# Both sides in one statement: what they have in common is read once.
FIND = f"""
    WITH {POSTINGS}, {LOGS}, {AT_ODDS}
    SELECT true, m.cited, m.hash, m.block_number AS place, m.log_index AS second, m.sender, m.recipient, m.amount,
           m.canonical, m.noted, EXISTS (SELECT FROM chain_txattempt a WHERE a.hash = m.cited)
    FROM moved m WHERE m.cited IN (SELECT cited FROM odd) AND m.amount > 0
    UNION ALL
    SELECT false, p.cited, p.idem_key || ' ' || p.kind, p.id, 0, p.debit, p.credit, p.amount, p.orphaned, NULL, NULL
    FROM posting p WHERE p.cited IN (SELECT cited FROM odd)
    ORDER BY place, second
"""  # noqa: S608 (our own words)


@dataclass(frozen=True, slots=True)
class Window:
    """Where to look for causes: at wallets, and at all that came after a block and a ledger transfer."""

    wallets: Collection[str]
    after_block: int
    after_transfer: int


def at_odds(
    *, asset: str, token: str, block: int, window: Window, until: datetime | None = None
) -> tuple[list[Log], list[Posting]]:
    """Logs up to a block and postings that cite the same and do not agree wallet by wallet."""
    params = {
        "asset": asset,
        "token": bytes.fromhex(token[2:]),
        "zero": bytes.fromhex(ZERO_ADDRESS[2:]),
        "texts": list(window.wallets),
        "wallets": [bytes.fromhex(wallet[2:]) for wallet in window.wallets],
        "block": block,
        "after": window.after_block,
        "sequence": window.after_transfer,
        "until": until,
    }
    logs: list[Log] = []
    postings: list[Posting] = []
    for is_log, cited, text, place, second, sender, recipient, amount, flag, noted, ours in fetch_all(FIND, params):
        ends, units = (_hex(sender), _hex(recipient)), int(amount)
        if is_log:
            logs.append(Log(cited, text, place, second, *ends, units, canonical=flag, ours=ours, noted=noted))
        else:
            key, kind = text.rsplit(" ", 1)
            postings.append(Posting(place, key, kind, *ends, units, cited, orphaned=flag))
    return logs, postings


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
