"""Mints we ordered ourselves, posted when they are final."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from apps.core import outbox
from apps.core.db import within_unit_of_work
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.transfers import transfer_many
from apps.ledger.types import AccountKey, AccountKind, Transfer, TransferKind
from apps.settlement.explain import Moved
from apps.settlement.models import ExpectedMovement
from apps.settlement.services.booking import Booking, key_of
from apps.settlement.types import MOVEMENT_FINAL, MovementState

Pairs = list[tuple[ExpectedMovement, Moved]]


@within_unit_of_work
def match_mints(*, moved: Sequence[Moved], booking: Booking, intents: Mapping[str, UUID]) -> tuple[Pairs, list[Moved]]:
    """Each mint that an expected movement announced, with it (locked); and the movements left unexplained."""
    expected = _lock_expected({intents[m.log.tx_hash] for m in moved if m.log.tx_hash in intents})
    pairs: Pairs = []
    left: list[Moved] = []
    for one in moved:
        movement = expected.get(intents.get(one.log.tx_hash))
        if movement is not None and _fits(movement, one, booking):
            # A second mint in the same chain transaction is not the one announced.
            del expected[movement.intent_id]
            pairs.append((movement, one))
        else:
            left.append(one)
    return [(m, one) for m, one in pairs if m.state == MovementState.EXPECTED], left


def _lock_expected(intent_ids: set[UUID]) -> dict[UUID | None, ExpectedMovement]:
    rows = ExpectedMovement.objects.filter(intent_id__in=intent_ids).order_by("id")
    return {row.intent_id: row for row in rows.select_for_update(no_key=True)}


def _fits(movement: ExpectedMovement, moved: Moved, booking: Booking) -> bool:
    transfer, asset = moved.transfer, booking.tokens[moved.log.address].asset
    announced = (movement.asset, movement.wallet_address, movement.amount)
    open_or_this = movement.state == MovementState.EXPECTED or movement.tx_hash == moved.log.tx_hash
    return transfer.is_mint and open_or_this and announced == (asset, transfer.recipient, transfer.amount)


@within_unit_of_work
def post_mints(*, pairs: Pairs, booking: Booking, now: datetime) -> None:
    """Post them, ISSUANCE to POSITION, and publish "settlement.movement_final" for each."""
    if not pairs:
        return
    keys = {_position(m) for m, _ in pairs} | {_issuance(m) for m, _ in pairs}
    accounts = ensure_accounts(keys=keys)
    transfer_many(
        Transfer(
            idem_key=key_of(one.log),
            debit_account_id=accounts[_issuance(movement)],
            credit_account_id=accounts[_position(movement)],
            amount=movement.amount,
            kind=TransferKind.ISSUE,
            source_ref=movement.ref,
            effective_at=booking.times[one.log.block_hash],
        )
        for movement, one in pairs
    )
    for movement, one in pairs:
        movement.state, movement.ended_at = MovementState.POSTED, now
        movement.tx_hash, movement.block_number = one.log.tx_hash, one.log.block_number
    ExpectedMovement.objects.bulk_update([m for m, _ in pairs], ["state", "ended_at", "tx_hash", "block_number"])
    outbox.publish_many(topic=MOVEMENT_FINAL, events=[(m.ref, _payload(m)) for m, _ in pairs])


def _issuance(movement: ExpectedMovement) -> AccountKey:
    return AccountKey(movement.asset, AccountKind.ISSUANCE)


def _position(movement: ExpectedMovement) -> AccountKey:
    return AccountKey(movement.asset, AccountKind.POSITION, movement.wallet_address)


def _payload(movement: ExpectedMovement) -> dict[str, object]:
    return {
        "ref": movement.ref,
        "kind": str(movement.kind),
        "asset": movement.asset,
        "wallet_address": movement.wallet_address,
        "amount": str(movement.amount),
        "intent_id": str(movement.intent_id),
        "tx_hash": movement.tx_hash,
        "block_number": movement.block_number,
    }
