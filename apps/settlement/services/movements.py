"""Token movements outside trades that we order ourselves."""

from datetime import datetime
from uuid import UUID

from apps.core.db import constraint_error, within_unit_of_work
from apps.settlement.errors import MovementDuplicate
from apps.settlement.models import ExpectedMovement
from apps.settlement.types import MovementKind, MovementState

constraint_error("settlement_movement_once", MovementDuplicate)
constraint_error("settlement_movement_intent_once", MovementDuplicate)


@within_unit_of_work
def expect_mint(*, ref: str, asset: str, wallet_address: str, amount: int, intent_id: UUID, now: datetime) -> None:
    """Announce that intent `intent_id` mints `amount` base units of `asset` to the wallet.

    Written in the commit that makes the intent. When the mint is final the projection posts it (ISSUANCE to
    POSITION) and publishes "settlement.movement_final" with key `ref` and payload {ref, kind, asset,
    wallet_address, amount, intent_id, tx_hash, block_number}. Raises MovementDuplicate from the unit of work.
    """
    ExpectedMovement.objects.create(
        ref=ref,
        kind=MovementKind.ISSUE,
        asset=asset,
        wallet_address=wallet_address.lower(),
        amount=amount,
        intent_id=intent_id,
        created_at=now,
    )


@within_unit_of_work
def fail_movement(*, intent_id: UUID, now: datetime) -> str | None:
    """The intent ended without effect: nothing is expected of it any more. Its ref, or None if not ours."""
    waiting = ExpectedMovement.objects.filter(intent_id=intent_id, state=MovementState.EXPECTED)
    found = waiting.select_for_update(no_key=True).first()
    if found is None:
        return None
    waiting.update(state=MovementState.FAILED, ended_at=now)
    return found.ref
