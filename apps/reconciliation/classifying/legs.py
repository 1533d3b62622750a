"""Trades that settled with one leg, or whose one leg arrived short."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.types import BreakKind, Finding


@dataclass(frozen=True, slots=True)
class SettledLegs:
    """A trade the settlement contract reported settled, without both legs in its transaction.

    `received` and `paid`: what did move between the two of each token, where that was less than agreed.
    """

    block_hash: str
    block_number: int
    log_index: int
    tx_hash: str
    dvp_id: str
    seller: str
    buyer: str
    payment: str
    quantity: int
    amount: int
    has_security: bool
    has_payment: bool
    received: int | None
    paid: int | None


@dataclass(frozen=True, slots=True)
class BookedLegs:
    """An instruction that is settled here and has not posted both legs."""

    instruction_id: str
    trade_ref: str
    tx_hash: str
    seller: str
    buyer: str
    quantity: int
    amount: int
    cash_asset: str
    has_security: bool
    has_payment: bool


def leg_findings(
    chain: Sequence[SettledLegs], books: Sequence[BookedLegs], held: Unit, cash: Unit
) -> Iterator[Finding]:
    """One break a trade: what the chain shows comes before what the books do."""
    for trade in chain:
        yield _on_chain(trade, held, cash)
    known = {trade.tx_hash for trade in chain}
    for instruction in books:
        if instruction.tx_hash not in known:
            yield _in_books(instruction, held, cash)


def _on_chain(trade: SettledLegs, held: Unit, cash: Unit) -> Finding:
    short = [
        units for units, there in ((trade.received, trade.has_security), (trade.paid, trade.has_payment)) if not there
    ]
    netted = any(units is not None for units in short)
    missing = _missing(has_security=trade.has_security, has_payment=trade.has_payment)
    told = _netted(trade, held, cash) if netted else f"{missing} not in the transaction."
    return Finding(
        kind=BreakKind.FEE_NETTING if netted else BreakKind.DVP_ONE_LEG,
        identity=f"{held.asset}:trade:{trade.dvp_id}",
        message=f"Trade {trade.dvp_id} was reported settled in transaction {trade.tx_hash}: {told}",
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=trade.buyer if not trade.has_security else trade.seller,
        books=trade.quantity if not trade.has_security else None,
        chain=(trade.received or 0) if not trade.has_security else None,
        tx_hash=trade.tx_hash,
        details={
            "dvp_id": trade.dvp_id,
            "seller": trade.seller,
            "buyer": trade.buyer,
            "quantity": str(trade.quantity),
            "cash_asset": cash.asset,
            "cash_amount": str(trade.amount),
            "quantity_received": str(trade.quantity if trade.has_security else trade.received or 0),
            "cash_received": str(trade.amount if trade.has_payment else trade.paid or 0),
            "block_number": trade.block_number,
            "log_index": trade.log_index,
        },
    )


def _netted(trade: SettledLegs, held: Unit, cash: Unit) -> str:
    parts = []
    if not trade.has_security and trade.received is not None:
        parts.append(_less(trade.received, trade.quantity, held, "buyer"))
    if not trade.has_payment and trade.paid is not None:
        parts.append(_less(trade.paid, trade.amount, cash, "seller"))
    return "; ".join(parts) + "."


def _less(came: int, agreed: int, unit: Unit, who: str) -> str:
    return f"the {who} received {unit.say(came)} of {unit.say(agreed)} {unit.asset}"


def _missing(*, has_security: bool, has_payment: bool) -> str:
    if not has_security and not has_payment:
        return "both legs are"
    return "the cash leg is" if has_security else "the security leg is"


def _in_books(row: BookedLegs, held: Unit, cash: Unit) -> Finding:
    missing = _missing(has_security=row.has_security, has_payment=row.has_payment)
    return Finding(
        kind=BreakKind.DVP_ONE_LEG,
        identity=f"{held.asset}:instruction:{row.instruction_id}",
        message=f"Instruction {row.instruction_id} is settled here by transaction {row.tx_hash}, and {missing} not "
        "posted.",
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=row.buyer if not row.has_security else row.seller,
        books=0 if not row.has_security else row.quantity,
        chain=row.quantity,
        tx_hash=row.tx_hash,
        details={
            "instruction_id": row.instruction_id,
            "trade_ref": row.trade_ref,
            "seller": row.seller,
            "buyer": row.buyer,
            "cash_asset": cash.asset,
            "cash_amount": str(row.amount),
            "security_leg_posted": row.has_security,
            "cash_leg_posted": row.has_payment,
        },
    )
