"""Which events move balances, by the family a token's balances are folded from."""

import pytest

from apps.chain.types import (
    FOLDS_OF,
    ControllerRedemption,
    ControllerTransfer,
    Erc721Transfer,
    Folds,
    GenericEvent,
    Issued,
    IssuedByPartition,
    Movement,
    Redeemed,
    RedeemedByPartition,
    TokensFrozen,
    TokenStandard,
    Transfer,
    TransferByPartition,
    movement,
)
from apps.chain.types.events import ZERO_ADDRESS

A, B, OPERATOR = (f"0x{n:040x}" for n in (1, 2, 3))
CLASS = "0x" + "c1" * 32

TRANSFER = Transfer(A, B, 7)
BY_PARTITION = TransferByPartition(CLASS, OPERATOR, A, B, 7, "0x", "0x")
ISSUED = IssuedByPartition(CLASS, B, 7, "0x")
REDEEMED = RedeemedByPartition(CLASS, OPERATOR, A, 7, "0x")
SAYING_THE_SAME_AGAIN = [
    Issued(OPERATOR, B, 7, "0x"),
    Redeemed(OPERATOR, A, 7, "0x"),
    ControllerTransfer(OPERATOR, A, B, 7, "0x", "0x"),
    ControllerRedemption(OPERATOR, A, 7, "0x", "0x"),
]
MOVING_NOTHING = [
    None,
    Erc721Transfer(A, B, 7),
    TokensFrozen(A, 7),
    # Units change partition within one holder.
    GenericEvent("ChangedPartition", {"fromPartition": CLASS, "toPartition": CLASS, "value": 7}),
]


class TestMovement:
    def test_of_a_token_folded_from_transfers(self) -> None:
        assert movement(TRANSFER, Folds.TRANSFER) == Movement(A, B, 7)
        assert movement(Transfer(ZERO_ADDRESS, B, 7), Folds.TRANSFER) == Movement(ZERO_ADDRESS, B, 7)
        assert [movement(event, Folds.TRANSFER) for event in (BY_PARTITION, ISSUED, REDEEMED)] == [None] * 3

    def test_of_a_token_folded_from_partitions(self) -> None:
        assert movement(BY_PARTITION, Folds.PARTITION) == Movement(A, B, 7)
        assert movement(ISSUED, Folds.PARTITION) == Movement(ZERO_ADDRESS, B, 7)
        assert movement(REDEEMED, Folds.PARTITION) == Movement(A, ZERO_ADDRESS, 7)
        assert movement(TRANSFER, Folds.PARTITION) is None

    @pytest.mark.parametrize("folds", Folds)
    def test_is_none_where_an_event_repeats_another_or_moves_nothing(self, folds: Folds) -> None:
        assert [movement(event, folds) for event in SAYING_THE_SAME_AGAIN + MOVING_NOTHING] == [None] * 8

    def test_counts_each_movement_of_a_talkative_token_once(self) -> None:
        """An ERC-1400 token that says one transfer three times, and a forced one four times."""
        said = [TRANSFER, BY_PARTITION, TRANSFER, BY_PARTITION, SAYING_THE_SAME_AGAIN[2]]
        for folds in Folds:
            assert [found for event in said if (found := movement(event, folds))] == [Movement(A, B, 7)] * 2

    def test_has_families_to_try_for_every_standard(self) -> None:
        assert set(FOLDS_OF) == set(TokenStandard)
        assert [standard for standard, folds in FOLDS_OF.items() if Folds.PARTITION in folds] == [TokenStandard.ERC1400]
