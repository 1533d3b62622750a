"""Which refusal of the database means which business error."""

from apps.core.db import constraint_error
from apps.core.errors import InvalidValue
from apps.ledger import errors

REFUSALS = {
    "ledger_balance_covered": errors.InsufficientBalance,
    "ledger_balance_held": errors.HoldOverReleased,
    "ledger_transfer_once": errors.IdempotencyConflict,
    "ledger_hold_once": errors.IdempotencyConflict,
    "ledger_transfer_resolved_once": errors.AlreadyResolved,
    "ledger_transfer_one_asset": errors.AssetMismatch,
    "ledger_transfer_accounts_exist": errors.UnknownAccount,
    "ledger_hold_account_exists": errors.UnknownAccount,
    "ledger_transfer_two_accounts": InvalidValue,
    "ledger_transfer_amount": InvalidValue,
    "ledger_account_one_holding": errors.AssetConflict,
}


def register() -> None:
    """Claim the constraints."""
    for constraint, error in REFUSALS.items():
        constraint_error(constraint, error)
