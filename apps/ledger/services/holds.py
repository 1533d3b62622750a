"""Holds: what resting orders reserve."""

from collections.abc import Iterable

from apps.core.db import within_unit_of_work
from apps.ledger.services import writing
from apps.ledger.types import HoldEntry


@within_unit_of_work
def apply_holds(holds: Iterable[HoldEntry]) -> None:
    """Hold and release, all or nothing. A key used before with the same content is a no-op.

    Raises InsufficientBalance, HoldOverReleased (both name the accounts), IdempotencyConflict, UnknownAccount.
    """
    writing.write([], holds)
