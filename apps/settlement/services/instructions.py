"""Instruct the settlement of trades."""

from datetime import UTC, datetime, time
from uuid import UUID

from eth_utils.crypto import keccak

from apps.core.db import constraint_error, copy_rows, notify, within_unit_of_work
from apps.core.ids import new_id
from apps.settlement.errors import InstructionDuplicate
from apps.settlement.models import SettlementInstruction, SettlementStatusEvent
from apps.settlement.types import POLICY, InstructionDraft, ProcessingStatus, SettlementStatus

constraint_error("settlement_instruction_once", InstructionDuplicate)

CHANNEL = "settlement"
PENDING = (ProcessingStatus.PACK, SettlementStatus.PEND)
INSTRUCTION_COLUMNS = (
    "id",
    "trade_ref",
    "dvp_id",
    "isin",
    "seller_party_id",
    "buyer_party_id",
    "seller_wallet",
    "buyer_wallet",
    "security_debit_account_id",
    "security_credit_account_id",
    "cash_debit_account_id",
    "cash_credit_account_id",
    "quantity",
    "cash_asset",
    "cash_amount",
    "trade_date",
    "intended_settlement_date",
    "deadline",
    "processing_status",
    "settlement_status",
    "reason_code",
    "reason_detail",
    "attempts",
    "next_attempt_at",
    "created_at",
    "tx_hash",
)
EVENT_COLUMNS = ("instruction_id", "processing_status", "settlement_status", "reason_code", "reason_detail", "tx_hash")


def dvp_id(instruction_id: UUID) -> str:
    """The trade's id in the settlement contract."""
    return "0x" + keccak(instruction_id.bytes).hex()


@within_unit_of_work
def instruct_many(*, drafts: list[InstructionDraft], now: datetime) -> dict[str, UUID]:
    """Accept trades for settlement (PACK, PEND); instruction ids by trade reference, in the order given.

    Part of the matcher's commit, which has already written both PENDING ledger transfers of each trade.
    Raises InstructionDuplicate (from the unit of work) for a trade instructed before.
    """
    ids = {draft.trade_ref: new_id() for draft in drafts}
    if len(ids) != len(drafts):
        raise InstructionDuplicate
    copy_rows(SettlementInstruction, INSTRUCTION_COLUMNS, [_row(d, ids[d.trade_ref], now) for d in drafts])
    copy_rows(SettlementStatusEvent, EVENT_COLUMNS, [(key, *PENDING, "", "", "") for key in ids.values()])
    notify(CHANNEL)
    return ids


def _row(draft: InstructionDraft, key: UUID, now: datetime) -> tuple[object, ...]:
    due_at = max(now, datetime.combine(draft.intended_settlement_date, time(), UTC))
    return (
        key,
        draft.trade_ref,
        dvp_id(key),
        draft.isin,
        draft.seller_party_id,
        draft.buyer_party_id,
        draft.seller_wallet,
        draft.buyer_wallet,
        draft.security_debit_account_id,
        draft.security_credit_account_id,
        draft.cash_debit_account_id,
        draft.cash_credit_account_id,
        draft.quantity,
        draft.cash_asset,
        draft.cash_amount,
        draft.trade_date,
        draft.intended_settlement_date,
        draft.deadline or due_at + POLICY.lifetime,
        *PENDING,
        "",
        "",
        0,
        due_at,
        now,
        "",
    )
