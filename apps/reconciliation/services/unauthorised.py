"""Movements of a security that nothing of ours ordered: who made them, and which differences they explain."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from apps.chain.selectors.node_answers import SentCall
from apps.core.money import format_base_units
from apps.reconciliation.functions import function_of, is_agents, selector_of
from apps.reconciliation.services.books import AssetBooks, Books
from apps.reconciliation.types import BreakKind, Finding
from apps.settlement.types import Unexplained, UnexplainedView

OURS = "no order, trade or instruction of ours"


@dataclass(frozen=True, slots=True)
class Stray:
    """What movements nothing explains did to one wallet, net, and the transactions that did it."""

    net: int
    tx_hashes: tuple[str, ...]


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


def action_finding(m: UnexplainedView, call: SentCall | None, held: AssetBooks) -> Finding:
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


def cause_of(stray: Stray | None, difference: int) -> tuple[str, str]:
    """The transaction and the sentence that explain a difference, if unauthorised movements do so exactly."""
    if stray is None or not difference or stray.net != difference:
        return "", ""
    hashes = stray.tx_hashes
    kind = "UNAUTHORISED_ACTION in transaction" + ("s" if len(hashes) > 1 else "")
    return hashes[-1], f"The whole difference is the {kind} {', '.join(hashes)}."
