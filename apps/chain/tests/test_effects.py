"""What events change of balances, by the family they are folded from."""

from apps.chain.effects import Effect, effect_of
from apps.chain.types import (
    FOLDS_OF,
    ChainEvent,
    ControllerRedemption,
    ControllerTransfer,
    EffectKind,
    Erc721Transfer,
    Folds,
    GenericEvent,
    Issued,
    IssuedByPartition,
    LogView,
    Redeemed,
    RedeemedByPartition,
    TokensFrozen,
    TokenStandard,
    TokensUnfrozen,
    Transfer,
    TransferByPartition,
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
    # Units change partition within one holder.
    GenericEvent("ChangedPartition", {"fromPartition": CLASS, "toPartition": CLASS, "value": 7}),
]


def moved(sender: str, recipient: str, amount: int, kind: EffectKind = EffectKind.MOVED) -> Effect:
    return Effect(kind, sender, recipient, amount)


class TestEffect:
    def test_of_a_transfer(self) -> None:
        assert effect_of(TRANSFER) == moved(A, B, 7)
        assert effect_of(Transfer(ZERO_ADDRESS, B, 7)) == moved(ZERO_ADDRESS, B, 7)

    def test_of_events_of_partitions_is_of_a_kind_of_its_own(self) -> None:
        kind = EffectKind.PARTITION
        assert effect_of(BY_PARTITION) == moved(A, B, 7, kind)
        assert effect_of(ISSUED) == moved(ZERO_ADDRESS, B, 7, kind)
        assert effect_of(REDEEMED) == moved(A, ZERO_ADDRESS, 7, kind)

    def test_is_none_where_an_event_repeats_another_or_moves_nothing(self) -> None:
        assert [effect_of(event) for event in SAYING_THE_SAME_AGAIN + MOVING_NOTHING] == [None] * 7

    def test_freezing_is_the_same_in_every_family(self) -> None:
        assert effect_of(TokensFrozen(A, 7)) == Effect(EffectKind.FROZEN, None, A, 7)
        assert effect_of(TokensUnfrozen(A, 7)) == Effect(EffectKind.UNFROZEN, None, A, 7)


def transfers(event: ChainEvent | None, folds: Folds) -> Transfer | None:
    return LogView(1, "0x", 0, "0x", 0, A, (), "0x", event, folds=folds).transfer


class TestTransferOfALog:
    def test_of_a_talkative_token_is_counted_once(self) -> None:
        """An ERC-1400 token that says one transfer three times, and a forced one four times."""
        said = [TRANSFER, BY_PARTITION, TRANSFER, BY_PARTITION, SAYING_THE_SAME_AGAIN[2]]
        for folds in Folds:
            assert [found for event in said if (found := transfers(event, folds))] == [TRANSFER] * 2

    def test_of_another_family_than_its_token_is_folded_from_is_none(self) -> None:
        assert [transfers(event, Folds.TRANSFER) for event in (BY_PARTITION, ISSUED, REDEEMED)] == [None] * 3
        assert transfers(TRANSFER, Folds.PARTITION) is None

    def test_of_partitions_is_a_mint_where_issued_and_a_burn_where_redeemed(self) -> None:
        assert transfers(ISSUED, Folds.PARTITION) == Transfer(ZERO_ADDRESS, B, 7)
        assert transfers(REDEEMED, Folds.PARTITION) == Transfer(A, ZERO_ADDRESS, 7)

    def test_is_none_where_nothing_moves(self) -> None:
        for event in [TokensFrozen(A, 7), *SAYING_THE_SAME_AGAIN, *MOVING_NOTHING]:
            assert [transfers(event, folds) for folds in Folds] == [None] * 2


class TestStandards:
    def test_have_families_to_try(self) -> None:
        assert set(FOLDS_OF) == set(TokenStandard)
        assert [standard for standard, folds in FOLDS_OF.items() if Folds.PARTITION in folds] == [TokenStandard.ERC1400]
