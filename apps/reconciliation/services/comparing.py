"""The comparison itself: books, events and storage of one cut-off in, findings and unknowns out. Reads nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.chain.types.events import ZERO_ADDRESS
from apps.core.money import format_base_units
from apps.ledger.types import Standing
from apps.reconciliation.services.books import AssetBooks, Books
from apps.reconciliation.services.chain_side import Storage
from apps.reconciliation.services.unauthorised import Stray, action_finding, cause_of, strays
from apps.reconciliation.types import BreakKind, Finding

# What is held against the token's total supply.
SIDES = {
    "BOOKS": "the wallets in the books hold",
    "ISSUED": "the issued control total is",
    "EVENTS": "the stored events add up to",
    "WALLETS": "the wallets we know hold on the chain",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs, and what could not be compared, in sentences."""

    findings: tuple[Finding, ...]
    unknown: tuple[str, ...]


def compare(books: Books, storage: Storage) -> Comparison:
    """Tolerance is zero: every unit that differs is found. What is unknown on one side is not compared."""
    held = books.security
    if held is None:
        return Comparison((), ())
    findings = [
        action_finding(m, storage.callers.get(m.tx_hash), held) for m in books.unexplained if m.asset == held.asset
    ]
    findings += _positions(books, held, storage)
    findings += _supply(books, held, storage)
    if books.cash is not None:
        findings += _cash(books, books.cash, storage)
    return Comparison(tuple(findings), tuple(_unknown(books, held, storage)))


def _unknown(books: Books, held: AssetBooks, storage: Storage) -> Iterator[str]:
    """What no answer was given to, sentence by sentence; a node that gave none at all has said so itself."""
    if not storage.answered:
        return
    if storage.supply is None:
        yield f"The supply of {held.asset} could not be read from the chain."
    asked = [(held.asset, storage.balances)]
    if books.cash is not None:
        asked.append((books.cash.asset, storage.cash))
    for asset, balances in asked:
        for wallet in (wallet for wallet in books.wallets if balances.get(wallet) is None):
            yield f"The {asset} balance of {wallet} could not be read from the chain."


def _positions(books: Books, held: AssetBooks, storage: Storage) -> Iterator[Finding]:
    moved = strays(books, held.asset)
    for wallet, chain in storage.balances.items():
        if chain is None:
            continue
        settled, events = held.settled.get(wallet, 0), held.events.by_wallet.get(wallet, 0)
        stranger = chain > 0 and wallet not in books.known_wallets
        if stranger or settled != chain or wallet in held.not_folding:
            yield _position(held, wallet, chain, moved.get(wallet), stranger=stranger)
        if events != chain:
            yield _projection(held, wallet, events, chain)
    if None in held.not_folding:
        yield _control_not_folding(books.isin, held, BreakKind.AMOUNT)


def _position(held: AssetBooks, wallet: str, chain: int, stray: Stray | None, *, stranger: bool) -> Finding:
    settled = held.settled.get(wallet, 0)
    tx_hash, why = cause_of(stray, chain - settled)
    said = [
        f"Wallet {wallet} has {_units(settled, held)} {held.asset} in the books and {_units(chain, held)} on the chain."
    ]
    if stranger:
        said.append("The wallet belongs to no party we know.")
    said += [why, _not_folding(held, wallet)]
    return Finding(
        kind=_kind(settled, chain, stranger=stranger),
        # One break a wallet: its kind may change from run to run, its age may not.
        identity=f"{held.asset}:position:{wallet}",
        message=" ".join(filter(None, said)),
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=wallet,
        books=settled,
        events=held.events.by_wallet.get(wallet, 0),
        chain=chain,
        tx_hash=tx_hash,
    )


def _kind(settled: int, chain: int, *, stranger: bool) -> BreakKind:
    if stranger:
        return BreakKind.UNKNOWN_HOLDER
    if settled == 0 and chain > 0:
        return BreakKind.MISSING_IN_BOOKS
    return BreakKind.MISSING_ON_CHAIN if chain == 0 and settled > 0 else BreakKind.AMOUNT


def _not_folding(held: AssetBooks, wallet: str | None) -> str:
    if (found := held.not_folding.get(wallet)) is None:
        return ""
    stored = f"{_standing(found.stored, held)} stored" if found.stored else "none stored"
    return (
        f"The stored balance is not the sum of the ledger's entries: {stored}, {_standing(found.folded, held)} by "
        "entries. A balance row was changed past the ledger."
    )


def _standing(standing: Standing, held: AssetBooks) -> str:
    return f"{_units(standing.posted, held)} ({_units(standing.held, held)} held)"


def _control_not_folding(isin: str, held: AssetBooks, kind: BreakKind) -> Finding:
    found = held.not_folding[None]
    return Finding(
        kind=kind,
        identity=f"{isin}:{held.asset}:control:{found.account_id}",
        message=f"A control account of {held.asset}: {_not_folding(held, None)}",
        asset=held.asset,
        decimals=held.decimals,
        books=found.stored.posted if found.stored else None,
        details={"entries": str(found.folded.posted)},
    )


def _projection(held: AssetBooks, wallet: str, events: int, chain: int) -> Finding:
    return Finding(
        kind=BreakKind.PROJECTION,
        identity=f"{held.asset}:projection:{wallet}",
        message=f"The stored final events of {held.asset} give wallet {wallet} {_units(events, held)}, the token's own "
        f"storage {_units(chain, held)}: an event is missing, or the token moves units without one.",
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=wallet,
        books=held.settled.get(wallet, 0),
        events=events,
        chain=chain,
    )


def _supply(books: Books, held: AssetBooks, storage: Storage) -> Iterator[Finding]:
    """Sum of wallets = total supply = issued control total, on each side that is known."""
    supply, known = storage.supply, [units for units in storage.balances.values() if units is not None]
    if supply is None:
        return
    sides = {"BOOKS": sum(held.settled.values()), "ISSUED": books.issued, "EVENTS": held.events.supply}
    if len(known) == len(books.wallets):
        sides["WALLETS"] = sum(known)
    minted = _minted(books, held)
    for side, units in sides.items():
        if units != supply:
            yield _supply_finding(held, side, units, supply, minted)


def _minted(books: Books, held: AssetBooks) -> Stray | None:
    """Mints and burns nothing explains: what the zero address lost was minted."""
    stray = strays(books, held.asset).get(ZERO_ADDRESS)
    return Stray(-stray.net, stray.tx_hashes) if stray else None


def _supply_finding(held: AssetBooks, side: str, units: int, supply: int, minted: Stray | None) -> Finding:
    tx_hash, why = cause_of(minted, supply - units)
    message = f"{held.asset}: {SIDES[side]} {_units(units, held)}, the token's total supply is {_units(supply, held)}."
    return Finding(
        kind=BreakKind.SUPPLY,
        identity=f"{held.asset}:supply:{side}",
        message=f"{message} {why}".strip(),
        asset=held.asset,
        decimals=held.decimals,
        books=units,
        events=held.events.supply,
        chain=supply,
        tx_hash=tx_hash,
        details={"compared": side},
    )


def _cash(books: Books, cash: AssetBooks, storage: Storage) -> Iterator[Finding]:
    """Cash of the security's holders, as booked: what a wallet paid beyond its free balance stands in suspense."""
    for wallet, chain in storage.cash.items():
        if chain is None:
            continue
        short = cash.shortfalls.get(wallet, 0)
        settled, events = cash.settled.get(wallet, 0) - short, cash.events.by_wallet.get(wallet, 0)
        if said := _cash_sentences(cash, wallet, settled, events, chain):
            yield Finding(
                kind=BreakKind.CASH_LEG,
                identity=f"{books.isin}:{cash.asset}:cash:{wallet}",
                message=" ".join(said),
                asset=cash.asset,
                decimals=cash.decimals,
                wallet_address=wallet,
                books=settled,
                events=events,
                chain=chain,
                tx_hash=_oversize(books, cash.asset, wallet),
                details={"suspense": str(short)},
            )
    if None in cash.not_folding:
        yield _control_not_folding(books.isin, cash, BreakKind.CASH_LEG)


def _cash_sentences(cash: AssetBooks, wallet: str, settled: int, events: int, chain: int) -> list[str]:
    said = []
    if settled != chain:
        booked, stored = _units(settled, cash), _units(chain, cash)
        said.append(f"Wallet {wallet} has {booked} {cash.asset} in the books and {stored} on the chain.")
    if events != chain:
        said.append(
            f"The stored events of {cash.asset} give wallet {wallet} {_units(events, cash)}, the chain "
            f"{_units(chain, cash)}."
        )
    if short := cash.shortfalls.get(wallet, 0):
        said.append(
            f"Wallet {wallet} paid {_units(short, cash)} {cash.asset} on the chain beyond its free balance; the books "
            "hold it in suspense."
        )
    if note := _not_folding(cash, wallet):
        said.append(note)
    return said


def _oversize(books: Books, asset: str, wallet: str) -> str:
    """The transaction of the last cash movement of this wallet that could not be booked as it was, if any."""
    found = [m.tx_hash for m in books.unexplained if m.asset == asset and wallet in {m.from_address, m.to_address}]
    return found[-1] if found else ""


def _units(base_units: int, asset: AssetBooks) -> str:
    return format_base_units(base_units, asset.decimals)
