"""The comparison itself: books, events and storage of one cut-off in, findings and unknowns out. Reads nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from apps.chain.selectors.node_answers import SentCall
from apps.core.money import format_base_units
from apps.reconciliation.actions import function_of, is_agents, selector_of
from apps.reconciliation.services.books import AssetBooks, Books
from apps.reconciliation.services.chain_side import Storage
from apps.reconciliation.types import BreakKind, Finding
from apps.settlement.types import Unexplained, UnexplainedView

OURS = "no order, trade or instruction of ours"


@dataclass(frozen=True, slots=True)
class Stray:
    """What movements nothing explains did to one wallet, net, and the transactions that did it."""

    net: int
    tx_hashes: tuple[str, ...]


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
    findings = [_action(m, storage.callers.get(m.tx_hash), held) for m in books.unexplained if m.asset == held.asset]
    findings += _positions(books, held, storage)
    findings += _supply(books, held, storage)
    if books.cash is not None:
        findings += _cash(books, books.cash, storage)
    return Comparison(tuple(findings), tuple(_unknown(held, books.cash, storage)))


def _unknown(held: AssetBooks, cash: AssetBooks | None, storage: Storage) -> Iterator[str]:
    if storage.supply is None:
        yield f"The supply of {held.asset} could not be read from the chain."
    for asset, balances in ((held.asset, storage.balances), (cash.asset if cash else "", storage.cash)):
        for wallet in (wallet for wallet, units in balances.items() if units is None):
            yield f"The {asset} balance of {wallet} could not be read from the chain."


def strays(books: Books, asset: str) -> Mapping[str, Stray]:
    """By wallet, what movements nothing explains did to it."""
    moved: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for m in books.unexplained:
        if m.asset == asset:
            moved[m.from_address].append((-m.amount, m.tx_hash))
            moved[m.to_address].append((m.amount, m.tx_hash))
    return {
        wallet: Stray(sum(units for units, _ in entries), tuple(dict.fromkeys(tx for _, tx in entries)))
        for wallet, entries in moved.items()
    }


def _action(m: UnexplainedView, call: SentCall | None, held: AssetBooks) -> Finding:
    """A movement of the security that nothing of ours ordered: who called what."""
    selector = selector_of(call.data) if call else ""
    function = function_of(selector)
    amount = format_base_units(m.amount, held.decimals)
    message = (
        f"{_who(call, function, selector, held.token)} in transaction {m.tx_hash}: {amount} {held.asset} {_moved(m)}. "
        f"{OURS.capitalize()} explains it."
    )
    details = {
        "caller_address": call.sender if call else None,
        "called_address": call.to if call else None,
        "function": function or None,
        "selector": selector or None,
        "movement": m.reason,
        "from_address": m.from_address,
        "to_address": m.to_address,
        "amount": str(m.amount),
        "block_number": m.block_number,
        "log_index": m.log_index,
    }
    return Finding(
        kind=BreakKind.UNAUTHORISED_ACTION,
        identity=f"{held.asset}:action:{m.block_hash}:{m.log_index}",
        message=message,
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=m.from_address if int(m.from_address, 16) else m.to_address,
        chain=m.amount,
        books=0,
        tx_hash=m.tx_hash,
        details=details,
    )


def _who(call: SentCall | None, function: str, selector: str, token: str) -> str:
    if call is None:
        return "Somebody (the node could not say who)"
    who = f"{'Agent' if is_agents(selector) and call.to == token else 'Address'} {call.sender}"
    what = f"{function} ({selector})" if function else f"function {selector or 'without a name'}"
    where = "on the token" if call.to == token else f"on contract {call.to}"
    return f"{who} called {what} {where}"


def _moved(m: UnexplainedView) -> str:
    if m.reason == Unexplained.MINT:
        return f"were minted to {m.to_address}"
    if m.reason == Unexplained.BURN:
        return f"of {m.from_address} were burned"
    return f"moved from {m.from_address} to {m.to_address}"


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
        yield _control_not_folding(held)


def _position(held: AssetBooks, wallet: str, chain: int, stray: Stray | None, *, stranger: bool) -> Finding:
    settled = held.settled.get(wallet, 0)
    tx_hash, why = _cause(stray, chain - settled)
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


def _cause(stray: Stray | None, difference: int) -> tuple[str, str]:
    """The transaction and the sentence that explain a difference, if unauthorised movements do so exactly."""
    if stray is None or not difference or stray.net != difference:
        return "", ""
    hashes = stray.tx_hashes
    kind = "UNAUTHORISED_ACTION in transaction" + ("s" if len(hashes) > 1 else "")
    return hashes[-1], f"The whole difference is the {kind} {', '.join(hashes)}."


def _not_folding(held: AssetBooks, wallet: str | None) -> str:
    if (found := held.not_folding.get(wallet)) is None:
        return ""
    stored, folded = found.stored, found.folded
    return (
        f"The stored balance is not the sum of the ledger's entries: {_units(stored.posted, held)} stored "
        f"({_units(stored.held, held)} held), {_units(folded.posted, held)} by entries ({_units(folded.held, held)} "
        "held). A balance row was changed past the ledger."
    )


def _control_not_folding(held: AssetBooks) -> Finding:
    found = held.not_folding[None]
    return Finding(
        kind=BreakKind.AMOUNT,
        identity=f"{held.asset}:control:{found.account_id}",
        message=f"A control account of {held.asset}: {_not_folding(held, None)}",
        asset=held.asset,
        decimals=held.decimals,
        books=found.stored.posted,
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
    stray = strays(books, held.asset).get("0x" + "0" * 40)
    sides = {"wallets in the books": sum(held.settled.values()), "issued control total": books.issued}
    if len(known) == len(storage.balances):
        sides["balances of all wallets on the chain"] = sum(known)
    if held.events.supply != supply:
        sides["events"] = held.events.supply
    for side, units in sides.items():
        if units != supply:
            # What the zero address lost was minted.
            tx_hash, why = _cause(Stray(-stray.net, stray.tx_hashes) if stray else None, supply - units)
            said = (
                f"{held.asset}: the {side} say {_units(units, held)}, the token's total supply is "
                f"{_units(supply, held)}. {why}"
            )
            yield Finding(
                kind=BreakKind.SUPPLY,
                identity=f"{held.asset}:supply:{side}",
                message=said.strip(),
                asset=held.asset,
                decimals=held.decimals,
                books=units,
                events=held.events.supply,
                chain=supply,
                tx_hash=tx_hash,
                details={"compared": side},
            )


def _cash(books: Books, cash: AssetBooks, storage: Storage) -> Iterator[Finding]:
    """Cash of the security's holders. What a wallet paid beyond its free balance is booked, but stands in suspense."""
    for wallet, chain in storage.cash.items():
        if chain is None:
            continue
        short = cash.shortfalls.get(wallet, 0)
        settled, events = cash.settled.get(wallet, 0) - short, cash.events.by_wallet.get(wallet, 0)
        said = []
        if settled != chain:
            said.append(
                f"Wallet {wallet} has {_units(settled, cash)} {cash.asset} in the books and {_units(chain, cash)} on "
                "the chain."
            )
        if events != chain:
            said.append(f"The stored events of {cash.asset} give wallet {wallet} {_units(events, cash)}.")
        if short:
            said.append(
                f"Wallet {wallet} paid {_units(short, cash)} {cash.asset} on the chain beyond its free balance; it "
                "stands in suspense."
            )
        if (note := _not_folding(cash, wallet)) or said:
            yield Finding(
                kind=BreakKind.CASH_LEG,
                identity=f"{books.isin}:{cash.asset}:cash:{wallet}",
                message=" ".join(filter(None, [*said, note])),
                asset=cash.asset,
                decimals=cash.decimals,
                wallet_address=wallet,
                books=settled,
                events=events,
                chain=chain,
                tx_hash=_oversize(books, cash.asset, wallet),
                details={"suspense": str(short)},
            )


def _oversize(books: Books, asset: str, wallet: str) -> str:
    """The transaction of the last cash movement of this wallet that could not be booked as it was, if any."""
    found = [m.tx_hash for m in books.unexplained if m.asset == asset and wallet in {m.from_address, m.to_address}]
    return found[-1] if found else ""


def _units(base_units: int, asset: AssetBooks) -> str:
    return format_base_units(base_units, asset.decimals)
