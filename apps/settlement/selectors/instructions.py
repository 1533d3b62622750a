"""Reading instructions."""

from uuid import UUID

from django.db.models import QuerySet

from apps.core.actor import Actor
from apps.settlement.errors import UnknownInstruction
from apps.settlement.models import SettlementInstruction, SettlementStatusEvent
from apps.settlement.types import InstructionView

STAFF = ("OPS", "COMPLIANCE")


def instructions_for(actor: Actor) -> QuerySet[SettlementInstruction]:
    """What the actor may see, for a page: staff everything, others what they sell or buy."""
    rows = SettlementInstruction.objects.all()
    return rows if actor.roles.intersection(STAFF) else rows.of_party(actor.party_id)


def instruction_for(actor: Actor, instruction_id: UUID) -> tuple[InstructionView, list[SettlementStatusEvent]]:
    """One instruction and its status history. Raises UnknownInstruction, also if it is not the actor's to see."""
    row = instructions_for(actor).filter(pk=instruction_id).first()
    if row is None:
        raise UnknownInstruction
    return view_of(row), list(row.events.order_by("id"))


def by_trade_ref(trade_ref: str) -> InstructionView | None:
    """The instruction of a trade, if it has been instructed."""
    row = SettlementInstruction.objects.filter(trade_ref=trade_ref).first()
    return view_of(row) if row else None


def instructions(isin: str | None = None) -> list[InstructionView]:
    """All instructions, newest first, or those of one security: for reports."""
    rows = SettlementInstruction.objects.order_by("-id")
    return [view_of(row) for row in (rows.filter(isin=isin) if isin else rows)]


def in_flight(asset: str) -> list[InstructionView]:
    """Open instructions of a security or in a cash asset: what explains a difference while they settle."""
    rows = SettlementInstruction.objects.open()
    found = rows.filter(isin=asset) | rows.filter(cash_asset=asset)
    return [view_of(row) for row in found.order_by("id")]


def view_of(row: SettlementInstruction) -> InstructionView:
    """The instruction as others see it."""
    return InstructionView(
        id=row.pk,
        trade_ref=row.trade_ref,
        isin=row.isin,
        seller_party_id=row.seller_party_id,
        buyer_party_id=row.buyer_party_id,
        seller_wallet=row.seller_wallet,
        buyer_wallet=row.buyer_wallet,
        quantity=row.quantity,
        cash_asset=row.cash_asset,
        cash_amount=row.cash_amount,
        trade_date=row.trade_date,
        intended_settlement_date=row.intended_settlement_date,
        deadline=row.deadline,
        processing_status=row.processing_status,
        settlement_status=row.settlement_status,
        reason_code=row.reason_code,
        reason_detail=row.reason_detail,
        attempts=row.attempts,
        intent_id=row.open_intent_id,
        tx_hash=row.tx_hash,
        created_at=row.created_at,
        settled_at=row.settled_at,
    )
