"""Why books and chain differ: logs and postings around what differs, read and held against each other."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from apps.reconciliation.classifying.causes import Cause, causes
from apps.reconciliation.classifying.movements import Log, Posting, added
from apps.reconciliation.selectors.movements import Window, at_odds
from apps.reconciliation.selectors.scope import Since, broken_wallets
from apps.settlement.selectors.movements import unexplained

# A difference may hide behind another one's, whose wallets are looked at then; chains of these end soon.
MOST_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Trail:
    """Where to look: one token up to a block, the ledger up to its `newest` transfer, or as of `until`.

    `since`: what came after that is looked at whatever it concerns.
    """

    asset: str
    token: str
    block: int
    newest: int
    until: datetime | None
    since: Since | None


def trace(trail: Trail, differing: Collection[str]) -> tuple[Cause, ...]:
    """Causes at the wallets that differ or are broken, of movements the projection could not explain, and since."""
    noted = unexplained(trail.asset, trail.block)
    wallets = {*differing, *broken_wallets(trail.asset)}
    wallets |= {end for each in noted for end in (each.from_address, each.to_address)}
    if not wallets and trail.since is None:
        return ()
    for _ in range(MOST_ROUNDS):
        found = causes(*_at_odds(trail, wallets))
        touched = {wallet for wallet, units in added(*(each.effects for each in found)).items() if units}
        if touched <= wallets:
            break
        wallets |= touched
    return tuple(found)


def _at_odds(trail: Trail, wallets: Collection[str]) -> tuple[list[Log], list[Posting]]:
    since = trail.since
    after_block, after_transfer = (since.block_number, since.ledger_sequence) if since else (trail.block, trail.newest)
    window = Window(wallets, after_block, after_transfer)
    return at_odds(asset=trail.asset, token=trail.token, block=trail.block, window=window, until=trail.until)
