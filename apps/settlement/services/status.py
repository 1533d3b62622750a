"""Changes of instructions' status, each with its event. All are parts of a larger unit of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.core import outbox
from apps.core.actor import system_actor
from apps.core.db import as_columns, run_sql, within_unit_of_work
from apps.ledger.selectors.balances import shortfalls
from apps.ledger.services.cash import recover_shortfall
from apps.ledger.services.transfers import post_many, void_many
from apps.ledger.types import Resolution
from apps.settlement.errors import InstructionInFlight
from apps.settlement.models import SettlementInstruction, SettlementStatusEvent
from apps.settlement.reasons import Failure
from apps.settlement.types import FAILED, POLICY, SETTLED, ProcessingStatus, Reason, SettlementPolicy, SettlementStatus

LEGS = ("security", "cash")
# Column by column what a change of status may write.
CHANGED = {
    "id": "uuid",
    "processing_status": "text",
    "settlement_status": "text",
    "reason_code": "text",
    "reason_detail": "text",
    "attempts": "int",
    "open_intent_id": "uuid",
    "next_attempt_at": "timestamptz",
    "settled_at": "timestamptz",
    "tx_hash": "text",
}
_UPDATE = f"""
UPDATE settlement_settlementinstruction i SET {", ".join(f"{name} = c.{name}" for name in CHANGED if name != "id")}
FROM unnest({", ".join(f"%s::{kind}[]" for kind in CHANGED.values())}) AS c ({", ".join(CHANGED)})
WHERE i.id = c.id
"""  # noqa: S608 (our own words)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the chain shows it: chain transaction, block number and chain time."""

    tx_hash: str
    block_number: int
    at: datetime


Change = tuple[SettlementInstruction, UUID | None, Evidence | None]


LATE = Failure(Reason.LATE, "DEADLINE_PASSED")


@within_unit_of_work
def mark_sent(*, instructions: Sequence[SettlementInstruction], intent_id: UUID) -> None:
    """The intent carries these: nothing else may touch them until its outcome is known."""
    for row in instructions:
        row.open_intent_id, row.attempts = intent_id, row.attempts + 1
    _write([(row, intent_id, None) for row in instructions])


@within_unit_of_work
def mark_settled(*, outcomes: Sequence[tuple[SettlementInstruction, Evidence]]) -> None:
    """Post both legs of each and publish "settlement.settled"."""
    post_many(
        Resolution(f"{row.trade_ref}:{leg}", f"{row.trade_ref}:{leg}:posted", evidence.at)
        for row, evidence in outcomes
        for leg in LEGS
    )
    changes = []
    for row, evidence in outcomes:
        changes.append((row, row.open_intent_id, evidence))
        row.open_intent_id, row.reason_code, row.reason_detail = None, "", ""
        row.settlement_status, row.settled_at, row.tx_hash = SettlementStatus.SETT, evidence.at, evidence.tx_hash
        _audit("settlement.settled", row)
    _write(changes)
    _recover([(row, row.seller_wallet, evidence.at) for row, evidence in outcomes])
    outbox.publish_many(topic=SETTLED, events=[_event(row) for row, _ in outcomes])


@within_unit_of_work
def mark_failed(
    *,
    row: SettlementInstruction,
    failure: Failure,
    chain_time: datetime,
    now: datetime,
    evidence: Evidence | None = None,
    policy: SettlementPolicy = POLICY,
) -> None:
    """One send came to nothing: tried again later, or given up after the last attempt or past the deadline."""
    intent_id, row.open_intent_id = row.open_intent_id, None
    if row.attempts >= policy.max_attempts or chain_time > row.deadline:
        cancel(rows=[row], failure=failure, now=now, intent_id=intent_id, evidence=evidence)
        return
    row.settlement_status = SettlementStatus.PENF
    row.reason_code, row.reason_detail = failure.code, failure.detail
    row.next_attempt_at = now + policy.retry_after * 3 ** (row.attempts - 1)
    _write([(row, intent_id, evidence)])


@within_unit_of_work
def cancel(
    *,
    rows: Sequence[SettlementInstruction],
    failure: Failure,
    now: datetime,
    intent_id: UUID | None = None,
    evidence: Evidence | None = None,
) -> None:
    """Give up: both legs' pending transfers are voided, and "settlement.failed" published.

    Raises InstructionInFlight while a settlement call that may still succeed holds one of them.
    """
    if flying := [str(row.pk) for row in rows if row.open_intent_id is not None]:
        raise InstructionInFlight(instruction_ids=flying)
    keys = [f"{row.trade_ref}:{leg}" for row in rows for leg in LEGS]
    void_many(Resolution(key, f"{key}:voided", now) for key in keys)
    for row in rows:
        row.processing_status, row.settlement_status = ProcessingStatus.CANC, SettlementStatus.PENF
        row.reason_code, row.reason_detail = failure.code, failure.detail
        _audit("settlement.cancelled", row)
    _write([(row, intent_id, evidence) for row in rows])
    _recover([(row, row.buyer_wallet, now) for row in rows])
    outbox.publish_many(topic=FAILED, events=[_event(row) for row in rows])


def _recover(freed: Sequence[tuple[SettlementInstruction, str, datetime]]) -> None:
    """Cash that has come free first pays back what its wallet spent on the chain beyond the books."""
    owing = {(asset, wallet) for asset in {row.cash_asset for row, _, _ in freed} for wallet in shortfalls(asset)}
    for row, wallet, at in freed:
        if (row.cash_asset, wallet) in owing:
            recover_shortfall(asset=row.cash_asset, wallet_address=wallet, source_ref=row.trade_ref, effective_at=at)


def _write(changes: Sequence[Change]) -> None:
    values = [[getattr(row, name) for name in CHANGED] for row, _, _ in changes]
    run_sql(_UPDATE, as_columns(values, len(CHANGED)))
    SettlementStatusEvent.objects.bulk_create(
        SettlementStatusEvent(
            instruction=row,
            processing_status=row.processing_status,
            settlement_status=row.settlement_status,
            reason_code=row.reason_code,
            reason_detail=row.reason_detail,
            intent_id=intent_id,
            tx_hash=evidence.tx_hash if evidence else "",
            block_number=evidence.block_number if evidence else None,
        )
        for row, intent_id, evidence in changes
    )


def _event(row: SettlementInstruction) -> tuple[str, dict[str, str]]:
    payload = {
        "instruction_id": str(row.pk),
        "trade_ref": row.trade_ref,
        "isin": row.isin,
        "buyer_party_id": str(row.buyer_party_id),
        "seller_party_id": str(row.seller_party_id),
    }
    if row.reason_code:
        payload |= {"reason_code": str(row.reason_code), "reason_detail": row.reason_detail}
    return str(row.pk), payload


def _audit(action: str, row: SettlementInstruction) -> None:
    log_audit_event(
        actor=system_actor(),
        action=action,
        resource_type="settlement_instruction",
        resource_id=row.pk,
        after={
            "trade_ref": row.trade_ref,
            "processing_status": str(row.processing_status),
            "settlement_status": str(row.settlement_status),
            "reason_code": str(row.reason_code),
            "tx_hash": row.tx_hash,
        },
    )
