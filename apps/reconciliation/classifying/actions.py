"""Causes as findings: what moved, who called what, and the entry that would mend it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from apps.chain.selectors.node_answers import SentCall
from apps.chain.types.events import ZERO_ADDRESS
from apps.ledger.types import AccountKind
from apps.reconciliation.classifying.causes import Cause
from apps.reconciliation.classifying.movements import Log, Posting
from apps.reconciliation.classifying.states import CODE, Untraced
from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.functions import function_of, is_agents, selector_of
from apps.reconciliation.types import BreakKind, Finding, Remedy

SAID = {
    BreakKind.MISSING_IN_BOOKS: "It is not in the books.",
    BreakKind.MISSING_ON_CHAIN: "No final log shows it.",
    BreakKind.DUPLICATE_POSTING: "The log it was booked for is booked already.",
    BreakKind.REORG_ORPHANED: "The block it was booked from is not canonical.",
    BreakKind.WRONG_WALLET: "It is booked to another wallet.",
    BreakKind.DECIMALS: "It is booked in other units: the amounts differ by a power of ten.",
    BreakKind.AMOUNT: "It is booked with another amount.",
}


def cause_finding(cause: Cause, held: Unit, token: str, callers: Mapping[str, SentCall | None]) -> Finding:
    """A movement that is not alike in books and chain."""
    log, posting = cause.log, cause.posting
    if cause.kind == BreakKind.UNAUTHORISED_ACTION and log is not None:
        message, called = _unauthorised(log, held, token, callers.get(log.tx_hash))
    else:
        message, called = _told(cause, held), {}
    return Finding(
        kind=cause.kind,
        identity=f"{held.asset}:{log.key if log else f'posting:{posting.id}' if posting else ''}",
        message=message,
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=_wallet(cause),
        books=posting.amount if posting else 0,
        chain=log.amount if log else 0,
        tx_hash=_tx_hash(log, posting),
        details=called | _details(log, posting),
        remedy=remedy_of(cause),
    )


def act_findings(
    untraced: Iterable[Untraced], told: Collection[str], held: Unit, token: str, callers: Mapping[str, SentCall | None]
) -> Iterator[Finding]:
    """Acts on the token that nobody here approved and that left no state to tell of: `told` are states that do."""
    for act in untraced:
        if act.subject in told:
            continue
        call = callers.get(act.tx_hash)
        selector = selector_of(call.data) if call else ""
        who = _who(call, function_of(selector), selector, token)
        yield Finding(
            kind=BreakKind.UNAUTHORISED_ACTION,
            identity=f"{held.asset}:act:{act.block_hash}:{act.log_index}",
            message=f"{who} in transaction {act.tx_hash}: {act.event}. {_not_ours(act)}",
            asset=held.asset,
            decimals=held.decimals,
            wallet_address=act.wallet,
            tx_hash=act.tx_hash,
            details={
                "event": act.event,
                "amount": None if act.amount is None else str(act.amount),
                "caller_address": call.sender if call else None,
                "block_number": act.block_number,
                "block_hash": act.block_hash,
                "log_index": act.log_index,
            },
        )


def _not_ours(act: Untraced) -> str:
    said = "No transaction of ours did it."
    if act.subject != CODE:
        return said
    return f"{said} Other code may run at the token: nothing is proved until its storage layout is verified again."


def remedy_of(cause: Cause) -> Remedy | None:
    """The one entry that brings the books to the chain: what each account lacks, given by the one that has too much."""
    if cause.log and not cause.posting:
        return Remedy(_account(cause.log.sender), _account(cause.log.recipient), cause.log.amount)
    if cause.posting and not cause.log:
        return Remedy(_account(cause.posting.credit), _account(cause.posting.debit), cause.posting.amount)
    if cause.log is None or cause.posting is None:
        return None
    if cause.log.ends == cause.posting.ends:
        return _difference(cause.log, cause.posting)
    if cause.log.sender == cause.posting.debit:
        return Remedy(_account(cause.posting.credit), _account(cause.log.recipient), cause.log.amount)
    return Remedy(_account(cause.log.sender), _account(cause.posting.debit), cause.log.amount)


def _difference(log: Log, posting: Posting) -> Remedy:
    more = log.amount - posting.amount
    source, target = (log.sender, log.recipient) if more > 0 else (log.recipient, log.sender)
    return Remedy(_account(source), _account(target), abs(more))


def _account(end: str) -> tuple[str, str | None]:
    """What the zero address gives is issued, what it gets is redeemed."""
    return (AccountKind.ISSUANCE.value, None) if end == ZERO_ADDRESS else (AccountKind.POSITION.value, end)


def _wallet(cause: Cause) -> str:
    """Whose position it changes first: who gave, or who received what was made."""
    ends = cause.log.ends if cause.log else cause.posting.ends if cause.posting else (ZERO_ADDRESS, ZERO_ADDRESS)
    return ends[0] if ends[0] != ZERO_ADDRESS else ends[1]


def _tx_hash(log: Log | None, posting: Posting | None) -> str:
    return log.tx_hash if log else posting.tx_hash if posting else ""


def _told(cause: Cause, held: Unit) -> str:
    log, posting = cause.log, cause.posting
    parts = []
    if log is not None:
        parts.append(f"In transaction {log.tx_hash} {held.say(log.amount)} {held.asset} {_moved(log.ends)}.")
    if posting is not None:
        parts.append(
            f"Ledger transfer {posting.id} booked {held.say(posting.amount)} {held.asset}: {_booked(posting)}."
        )
    return " ".join([*parts, SAID[cause.kind]])


def _booked(posting: Posting) -> str:
    source, target = ("the issuance account" if end == ZERO_ADDRESS else end for end in posting.ends)
    return f"from {source} to {target}"


def _moved(ends: tuple[str, str]) -> str:
    sender, recipient = ends
    if sender == ZERO_ADDRESS:
        return f"were minted to {recipient}"
    return f"of {sender} were burned" if recipient == ZERO_ADDRESS else f"moved from {sender} to {recipient}"


def _unauthorised(log: Log, held: Unit, token: str, call: SentCall | None) -> tuple[str, dict[str, Any]]:
    selector = selector_of(call.data) if call else ""
    function = function_of(selector)
    message = (
        f"{_who(call, function, selector, token)} in transaction {log.tx_hash}: {held.say(log.amount)} {held.asset} "
        f"{_moved(log.ends)}. No order, trade or instruction of ours explains it."
    )
    called = {
        "caller_address": call.sender if call else None,
        "called_address": call.to if call else None,
        "function": function or None,
        "selector": selector or None,
    }
    return message, called


def _who(call: SentCall | None, function: str, selector: str, token: str) -> str:
    if call is None:
        return "Somebody (the node could not say who)"
    who = f"{'Agent' if is_agents(selector) and call.to == token else 'Address'} {call.sender}"
    what = f"{function} ({selector})" if function else f"function {selector or 'without a name'}"
    where = "on the token" if call.to == token else f"on contract {call.to}"
    return f"{who} called {what} {where}"


def _details(log: Log | None, posting: Posting | None) -> dict[str, Any]:
    """Where to look: the log, and the ledger transfer."""
    found: dict[str, Any] = {}
    if log is not None:
        found |= {
            "movement": _movement(log.ends),
            "from_address": log.sender,
            "to_address": log.recipient,
            "amount": str(log.amount),
            "block_number": log.block_number,
            "block_hash": log.block_hash,
            "log_index": log.log_index,
        }
    if posting is not None:
        found["posting"] = {
            "ledger_transfer_id": posting.id,
            "key": posting.idem_key,
            "kind": posting.kind,
            "debit": posting.debit,
            "credit": posting.credit,
            "amount": str(posting.amount),
        }
    return found


def _movement(ends: tuple[str, str]) -> str:
    if ends[0] == ZERO_ADDRESS:
        return "MINT"
    return "BURN" if ends[1] == ZERO_ADDRESS else "TRANSFER"
