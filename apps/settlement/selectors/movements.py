"""Reading movements outside trades."""

from apps.settlement.models import ExpectedMovement, ProjectionCursor, UnexplainedMovement
from apps.settlement.types import CursorView, MovementState, MovementView, UnexplainedView

CURSOR = "settlement"


def movement(ref: str) -> MovementView | None:
    """The expected movement of this ref, if it was announced."""
    row = ExpectedMovement.objects.filter(ref=ref).first()
    return view_of(row) if row else None


def expected_movements(asset: str) -> list[MovementView]:
    """Announced movements of an asset that are not final yet."""
    rows = ExpectedMovement.objects.filter(asset=asset, state=MovementState.EXPECTED)
    return [view_of(row) for row in rows.order_by("id")]


def unexplained(asset: str | None = None, up_to_block: int | None = None) -> list[UnexplainedView]:
    """Movements nothing of ours explains, oldest first: of all assets or one, up to a block."""
    rows = UnexplainedMovement.objects.order_by("block_number", "log_index")
    if asset is not None:
        rows = rows.filter(asset=asset)
    if up_to_block is not None:
        rows = rows.filter(block_number__lte=up_to_block)
    return [
        UnexplainedView(
            id=row.pk,
            reason=row.reason,
            asset=row.asset,
            contract_address=row.contract_address,
            tx_hash=row.tx_hash,
            block_hash=row.block_hash,
            block_number=row.block_number,
            log_index=row.log_index,
            from_address=row.from_address,
            to_address=row.to_address,
            amount=row.amount,
            recorded_at=row.recorded_at,
        )
        for row in rows
    ]


def projection_cursor() -> CursorView | None:
    """The last final block whose effects are in the books, None before the first."""
    row = ProjectionCursor.objects.filter(pk=CURSOR).first()
    return CursorView(row.number, row.hash, row.moved_at) if row else None


def view_of(movement: ExpectedMovement) -> MovementView:
    """The movement as others see it."""
    return MovementView(
        ref=movement.ref,
        kind=movement.kind,
        asset=movement.asset,
        wallet_address=movement.wallet_address,
        amount=movement.amount,
        intent_id=movement.intent_id,
        state=movement.state,
        tx_hash=movement.tx_hash,
    )
