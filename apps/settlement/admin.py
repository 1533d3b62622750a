"""Officers' pages of settlement."""

from django.contrib import admin

from apps.core.officers import Amount, ReadOnlyAdmin, ReadOnlyInline
from apps.ledger.selectors.assets import scales
from apps.securities.selectors.scales import quantity_scales
from apps.settlement.models import (
    ExpectedMovement,
    ProjectedContract,
    ProjectionCursor,
    SettlementAttempt,
    SettlementInstruction,
    SettlementStatusEvent,
    UnexplainedMovement,
)


class StatusEventsInline(ReadOnlyInline):
    """The instruction's history."""

    model = SettlementStatusEvent
    table = ("recorded_at", "processing_status", "settlement_status", "reason_code", "reason_detail", "tx_hash")


class AttemptsInline(ReadOnlyInline):
    """Sends of the instruction."""

    model = SettlementAttempt
    table = ("number", "intent_id", "recorded_at")


@admin.register(SettlementInstruction)
class SettlementInstructionAdmin(ReadOnlyAdmin):
    """Trades to be settled delivery versus payment."""

    table = (
        "trade_ref",
        "created_at",
        "isin",
        "seller_party",
        "buyer_party",
        "quantity",
        "cash_amount",
        "settlement_status",
        "reason_code",
        "attempts",
    )
    columns = {
        "quantity": Amount("quantity", key="isin", scales=quantity_scales),
        "cash_amount": Amount("cash_amount", "cash", key="cash_asset", scales=scales, unit="cash_asset"),
    }
    list_filter = ("settlement_status", "processing_status", "reason_code")
    search_fields = ("id", "isin", "trade_ref", "dvp_id", "tx_hash", "seller_wallet", "buyer_wallet")
    inlines = (StatusEventsInline, AttemptsInline)


@admin.register(SettlementStatusEvent)
class SettlementStatusEventAdmin(ReadOnlyAdmin):
    """Changes of instructions' status."""

    table = ("id", "recorded_at", "instruction", "processing_status", "settlement_status", "reason_code", "tx_hash")
    list_filter = ("settlement_status",)
    search_fields = ("id", "instruction_id", "intent_id", "tx_hash", "instruction__isin", "instruction__trade_ref")


@admin.register(SettlementAttempt)
class SettlementAttemptAdmin(ReadOnlyAdmin):
    """Sends of instructions."""

    table = ("id", "recorded_at", "instruction", "number", "intent_id")
    search_fields = ("id", "instruction_id", "intent_id")


@admin.register(ExpectedMovement)
class ExpectedMovementAdmin(ReadOnlyAdmin):
    """Token movements outside trades that we ordered."""

    table = ("ref", "created_at", "kind", "asset", "amount", "wallet_address", "state", "tx_hash")
    columns = {"amount": Amount("amount", key="asset", scales=scales)}
    list_filter = ("state", "kind")
    search_fields = ("ref", "asset", "wallet_address", "intent_id", "tx_hash")


@admin.register(UnexplainedMovement)
class UnexplainedMovementAdmin(ReadOnlyAdmin):
    """Token movements nothing of ours explains."""

    table = ("id", "recorded_at", "reason", "asset", "amount", "from_address", "to_address", "block_number", "tx_hash")
    columns = {"amount": Amount("amount", key="asset", scales=scales)}
    list_filter = ("reason",)
    search_fields = ("id", "asset", "from_address", "to_address", "tx_hash", "contract_address")


@admin.register(ProjectionCursor)
class ProjectionCursorAdmin(ReadOnlyAdmin):
    """How far the chain is in the books."""

    table = ("name", "number", "hash", "moved_at")


@admin.register(ProjectedContract)
class ProjectedContractAdmin(ReadOnlyAdmin):
    """Tokens the projection follows."""

    table = ("address", "asset", "kind", "listed_at_block", "listed_at")
    list_filter = ("kind",)
    search_fields = ("address", "asset")
