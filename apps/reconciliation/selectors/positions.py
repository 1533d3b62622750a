"""Positions of the books beside those the final logs fold to, joined where they lie: only what differs is read.

Reads the tables of ledger and chain, in the snapshot the caller holds open. Amounts are base units of the asset.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from apps.core.db import fetch_all, fetch_one

# Which wallets are looked at, where not all are.
NAMED = """
    chosen AS (SELECT unnest(%(only)s::bytea[]) AS wallet),"""
HOLDERS = """
    chosen AS (
        SELECT decode(substr(wallet_address, 3), 'hex') AS wallet FROM ledger_account
        WHERE asset = %(of_asset)s AND kind = 'POSITION'
        UNION SELECT wallet FROM chain_holderbalance WHERE token = %(of_token)s
    ),"""
# The fold stands at a block of its own. What lies between it and the cut-off is added, or taken back.
LATER = """
    later AS (
        SELECT moved.wallet, %(sign)s * sum(moved.units) AS units
        FROM chain_effect e
        CROSS JOIN LATERAL (VALUES (e.sender, -e.amount), (e.recipient, e.amount)) AS moved (wallet, units)
        WHERE e.effect = 'M' AND e.token = %(token)s AND e.block_number > %(low)s AND e.block_number <= %(high)s
          AND e.block_id NOT IN (SELECT id FROM chain_block WHERE NOT canonical) AND moved.wallet <> %(zero)s
        GROUP BY moved.wallet
    )"""
EVENTS = """
    events AS (
        SELECT coalesce(h.wallet, l.wallet) AS wallet, coalesce(h.final, 0) + coalesce(l.units, 0) AS units
        FROM (SELECT wallet, final FROM chain_holderbalance WHERE token = %(token)s{of_holders}) h
        FULL JOIN (SELECT * FROM later{of_later}) l USING (wallet)
    )"""
# The balance now, less what became effective after the block it is asked for.
BOOKS = """
    books AS (
        SELECT decode(substr(a.wallet_address, 3), 'hex') AS wallet, b.posted{less} AS units, a.party_id
        FROM ledger_account a JOIN ledger_balance b ON b.account_id = a.id{after}
        WHERE a.asset = %(asset)s AND a.kind IN ('POSITION', 'CASH'){of_accounts}
    )"""
AFTER = """
        LEFT JOIN (
            SELECT moved.account_id, sum(moved.units) AS units
            FROM ledger_transfer t
            CROSS JOIN LATERAL (VALUES (t.debit_account_id, -t.amount), (t.credit_account_id, t.amount))
                AS moved (account_id, units)
            WHERE t.state = 'POSTED' AND t.effective_at > %(until)s GROUP BY moved.account_id
        ) after ON after.account_id = a.id"""
JOINED = """
    joined AS (
        SELECT coalesce(books.wallet, events.wallet) AS wallet, coalesce(books.units, 0) AS settled,
               coalesce(events.units, 0) AS events, books.party_id
        FROM books FULL JOIN events ON events.wallet = books.wallet
    )"""
# A wallet is somebody's if the books know whose account it is, or compliance whose key.
STRANGER = """
    events > 0 AND party_id IS NULL
    AND NOT EXISTS (SELECT FROM compliance_wallet w WHERE w.address = '0x' || encode(wallet, 'hex'))"""
# Once over all of them: the few that differ as JSON beside the sums over all.
DIFFERING = f"""
    SELECT count(*), coalesce(sum(settled), 0), coalesce(sum(events), 0),
           coalesce(jsonb_agg(jsonb_build_array(encode(wallet, 'hex'), settled::text, events::text, {STRANGER}))
               FILTER (WHERE settled <> events OR wallet = ANY(%(always)s) OR ({STRANGER})), '[]')
    FROM joined"""  # noqa: S608 (our own words)

CHANGED = """
    SELECT wallet FROM (
        SELECT moved.wallet FROM chain_effect e
        CROSS JOIN LATERAL (VALUES (e.sender), (e.recipient)) AS moved (wallet)
        WHERE e.token = %(token)s AND e.block_number > %(low)s AND e.block_number <= %(high)s
          AND moved.wallet IS NOT NULL AND moved.wallet <> %(zero)s
        UNION
        SELECT decode(substr(a.wallet_address, 3), 'hex')
        FROM ledger_transfer t JOIN ledger_account a ON a.id IN (t.debit_account_id, t.credit_account_id)
        WHERE t.id > %(sequence)s AND t.state = 'POSTED' AND a.asset = %(asset)s AND a.wallet_address IS NOT NULL
    ) changed
    WHERE %(asset)s = %(holders_of)s OR EXISTS (
        SELECT FROM ledger_account h WHERE h.asset = %(holders_of)s AND h.kind = 'POSITION'
        AND h.wallet_address = '0x' || encode(changed.wallet, 'hex'))
"""


@dataclass(frozen=True, slots=True)
class Between:
    """Where the fold of final logs stands and where the books do: numbers of blocks."""

    fold: int
    books: int


@dataclass(frozen=True, slots=True)
class Side:
    """An asset and its token, at the end of a block; `until` takes back what the ledger made effective later.

    Of all its wallets, of those in `only`, or of the holders of another asset and token.
    """

    asset: str
    token: str
    between: Between
    until: datetime | None = None
    only: Collection[str] | None = None
    holders_of: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A wallet's position: settled in the books, and by the final logs. `stranger`: nobody we know has it."""

    wallet: str
    settled: int
    events: int
    stranger: bool = False


@dataclass(frozen=True, slots=True)
class Positions:
    """Of the `wallets` looked at, those that differ, are strangers' or were asked for; and the sums over all."""

    rows: tuple[Row, ...]
    wallets: int
    settled: int
    events: int


def positions(side: Side, *, always: Collection[str] = ()) -> Positions:
    """Compare every wallet of a side. `always` names wallets to be given though they agree."""
    params = _params(side) | {"always": [_bytes(wallet) for wallet in always]}
    found = fetch_one(f"WITH {_joined(side)}{DIFFERING}", params)
    if found is None:
        raise RuntimeError("an aggregate has a row")
    wallets, settled, events, rows = found
    differing = (Row("0x" + wallet, int(s), int(e), bool(stranger)) for wallet, s, e, stranger in json.loads(rows))
    return Positions(tuple(sorted(differing, key=lambda row: row.wallet)), wallets, int(settled), int(events))


def units_by_events(side: Side) -> list[tuple[str, int]]:
    """Every wallet that books or final logs name, with its units by the logs."""
    statement = f"WITH {_joined(side)} SELECT wallet, events FROM joined"  # noqa: S608 (our own words)
    return [(_text(wallet), int(events)) for wallet, events in fetch_all(statement, _params(side))]


def changed_wallets(
    *, asset: str, token: str, holders_of: str, after_block: int, up_to_block: int, after_transfer: int
) -> list[str]:
    """Wallets that a final log since one block, or a transfer since another, names, as far as they are of interest.

    Of interest is who is named by the asset itself, or has, or had, a position in another (`holders_of`).
    """
    params = {
        "asset": asset,
        "holders_of": holders_of,
        "token": _bytes(token),
        "low": after_block,
        "high": up_to_block,
        "sequence": after_transfer,
        "zero": bytes(20),
    }
    return [_text(wallet) for (wallet,) in fetch_all(CHANGED, params)]


def _joined(side: Side) -> str:
    chosen = holders = accounts = later = ""
    if side.only is not None or side.holders_of is not None:
        chosen = NAMED if side.only is not None else HOLDERS
        holders, later = " AND wallet IN (SELECT wallet FROM chosen)", " WHERE wallet IN (SELECT wallet FROM chosen)"
        accounts = " AND a.wallet_address IN (SELECT '0x' || encode(wallet, 'hex') FROM chosen)"
    less, after = (" - coalesce(after.units, 0)", AFTER) if side.until is not None else ("", "")
    events = EVENTS.format(of_holders=holders, of_later=later)
    return chosen + ",".join((LATER, events, BOOKS.format(less=less, after=after, of_accounts=accounts), JOINED))


def _params(side: Side) -> dict[str, object]:
    between, (asset, token) = side.between, side.holders_of or ("", "0x")
    return {
        "asset": side.asset,
        "token": _bytes(side.token),
        "zero": bytes(20),
        "sign": 1 if between.fold < between.books else -1,
        "low": min(between.fold, between.books),
        "high": max(between.fold, between.books),
        "until": side.until,
        "only": [_bytes(wallet) for wallet in side.only or ()],
        "of_asset": asset,
        "of_token": _bytes(token),
    }


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def _text(address: bytes) -> str:
    return "0x" + bytes(address).hex()
