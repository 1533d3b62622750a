"""Transfers and holds on real books: what each service does, returns and refuses."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from apps.core.db import unit_of_work
from apps.core.errors import InvalidValue
from apps.ledger.errors import (
    AlreadyResolved,
    AssetMismatch,
    HoldOverReleased,
    InsufficientBalance,
    UnknownAccount,
    UnknownTransfer,
)
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.transfers import open_holds, states_of
from apps.ledger.services.batches import write_batch
from apps.ledger.services.holds import apply_holds
from apps.ledger.services.transfers import expire_many, pend_many, post_many, transfer_many, void_many
from apps.ledger.tests import factories as make
from apps.ledger.types import Balance, TransferState

LARGEST = 10**38 - 1


@pytest.mark.usefixtures("books")
class TestTransferMany:
    def test_moves_amounts_at_once(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        moved = make.transfer(one, two, 40)
        ids = make.commit(transfer_many, [moved])
        assert (make.balance(one), make.balance(two)) == (Balance(60, 0), Balance(40, 0))
        row = LedgerTransfer.objects.get(pk=ids[moved.idem_key])
        assert (row.amount, row.state, row.pending_id, row.effective_at) == (40, "POSTED", None, make.DAY)

    def test_nets_a_group_before_it_asks_for_cover(self) -> None:
        one, two, three = make.make_account(posted=10), make.make_account(), make.make_account()
        make.commit(transfer_many, [make.transfer(two, three, 10), make.transfer(one, two, 10)])
        assert [make.balance(account).posted for account in (one, two, three)] == [0, 0, 10]

    def test_writes_all_of_a_group_or_none(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        before = make.rows_written()
        group = [make.transfer(one, two, 60), make.transfer(one, two, 41)]
        with pytest.raises(InsufficientBalance) as refused:
            make.commit(transfer_many, group)
        assert refused.value.context == {"account_ids": [str(one)]}
        assert (make.balance(one), make.rows_written()) == (Balance(100, 0), before)

    def test_leaves_the_unit_of_work_usable_after_a_refusal(self) -> None:
        one, two, shares = make.make_account(posted=5), make.make_account(), make.make_account(make.ISIN)
        with unit_of_work():
            with pytest.raises(InsufficientBalance):
                transfer_many([make.transfer(one, two, 6)])
            with pytest.raises(AssetMismatch):
                transfer_many([make.transfer(one, two, 1), make.transfer(one, shares, 1)])
            with pytest.raises(UnknownAccount):
                transfer_many([make.transfer(one, uuid4(), 1)])
            transfer_many([make.transfer(one, two, 5)])
        assert make.balance(two) == Balance(5, 0)

    def test_spends_nothing_that_is_held(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        make.commit(apply_holds, [make.hold(one, 4)])
        with pytest.raises(InsufficientBalance):
            make.commit(transfer_many, [make.transfer(one, two, 7)])
        make.commit(transfer_many, [make.transfer(one, two, 6)])
        assert make.balance(one) == Balance(4, 4)

    def test_lets_control_accounts_owe(self) -> None:
        make.make_assets()
        outside = make.control_account()
        before = make.balance(outside).posted
        make.make_account(posted=7)
        assert make.balance(outside) == Balance(before - 7, 0)

    def test_holds_the_largest_amount_and_refuses_one_more(self) -> None:
        asset = make.OTHER_ISIN
        whole = make.make_account(asset, posted=LARGEST)
        assert make.balance(whole).posted == LARGEST
        with pytest.raises(InvalidValue):
            make.commit(transfer_many, [make.transfer(make.control_account(asset), whole, 1)])

    @pytest.mark.parametrize("amount", [0, -1, 10**38])
    def test_refuses_an_amount_of_no_use(self, amount: int) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        with pytest.raises(InvalidValue):
            make.commit(transfer_many, [make.transfer(one, two, amount)])

    def test_refuses_to_join_two_assets(self) -> None:
        cash, shares = make.make_account(posted=10), make.make_account(make.ISIN)
        before = make.rows_written()
        with pytest.raises(AssetMismatch):
            make.commit(transfer_many, [make.transfer(cash, shares, 1)])
        assert (make.balance(cash), make.rows_written()) == (Balance(10, 0), before)

    def test_refuses_an_account_that_pays_itself(self) -> None:
        one = make.make_account(posted=10)
        with pytest.raises(InvalidValue):
            make.commit(transfer_many, [make.transfer(one, one, 1)])

    def test_names_the_accounts_it_does_not_know(self) -> None:
        one, stranger = make.make_account(posted=10), uuid4()
        with pytest.raises(UnknownAccount) as refused:
            make.commit(transfer_many, [make.transfer(one, stranger, 1)])
        assert refused.value.context == {"account_ids": [str(stranger)]}

    def test_refuses_to_run_outside_a_unit_of_work(self) -> None:
        with pytest.raises(RuntimeError, match="within a unit of work"):
            transfer_many([])

    def test_writes_nothing_for_an_empty_group(self) -> None:
        assert make.commit(transfer_many, []) == {}


@pytest.mark.usefixtures("books")
class TestPendingTransfers:
    def test_reserve_without_moving(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        key = make.make_pending(one, two, 6)
        assert (make.balance(one), make.balance(two)) == (Balance(10, 6), Balance(0, 0))
        assert states_of([key]) == {key: TransferState.PENDING}

    def test_cannot_be_reserved_twice(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        make.make_pending(one, two, 6)
        with pytest.raises(InsufficientBalance):
            make.commit(pend_many, [make.pending(one, two, 5)])

    def test_posted_move(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        key = make.make_pending(one, two, 6)
        make.commit(post_many, [(key, f"{key}:post", make.DAY)])
        assert (make.balance(one), make.balance(two)) == (Balance(4, 0), Balance(6, 0))
        assert states_of([key]) == {key: TransferState.POSTED}

    @pytest.mark.parametrize(("give_back", "state"), [(void_many, "VOIDED"), (expire_many, "EXPIRED")])
    def test_voided_or_expired_give_back(self, give_back: Callable[..., object], state: str) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        key = make.make_pending(one, two, 6)
        make.commit(give_back, [(key, f"{key}:end", make.DAY)])
        assert (make.balance(one), make.balance(two)) == (Balance(10, 0), Balance(0, 0))
        assert states_of([key]) == {key: state}

    @pytest.mark.parametrize("first", [post_many, void_many, expire_many])
    @pytest.mark.parametrize("second", [post_many, void_many, expire_many])
    def test_end_once(self, first: Callable[..., object], second: Callable[..., object]) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        key = make.make_pending(one, two, 6)
        make.commit(first, [(key, f"{key}:first", make.DAY)])
        before = make.balance(one), make.balance(two), make.rows_written()
        with pytest.raises(AlreadyResolved) as refused:
            make.commit(second, [(key, f"{key}:second", make.DAY)])
        assert refused.value.context == {"pending_idem_keys": [key]}
        assert (make.balance(one), make.balance(two), make.rows_written()) == before

    def test_end_once_within_one_group_too(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        key = make.make_pending(one, two, 6)
        with pytest.raises(AlreadyResolved):
            make.commit(post_many, [(key, f"{key}:a", make.DAY), (key, f"{key}:b", make.DAY)])
        assert make.balance(one) == Balance(10, 6)

    def test_ended_by_the_same_key_again_change_nothing(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        key = make.make_pending(one, two, 6)
        first = make.commit(post_many, [(key, f"{key}:post", make.DAY)])
        assert make.commit(post_many, [(key, f"{key}:post", make.DAY)]) == first
        assert make.balance(two) == Balance(6, 0)

    def test_end_together_or_not_at_all(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        ended, open_ = make.make_pending(one, two, 6), make.make_pending(one, two, 3)
        make.commit(void_many, [(ended, f"{ended}:void", make.DAY)])
        with pytest.raises(AlreadyResolved):
            make.commit(post_many, [(open_, f"{open_}:post", make.DAY), (ended, f"{ended}:post", make.DAY)])
        assert states_of([open_]) == {open_: TransferState.PENDING}
        assert make.balance(one) == Balance(10, 3)

    def test_need_a_pending_transfer(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        posted = make.transfer(one, two, 1)
        make.commit(transfer_many, [posted])
        with pytest.raises(UnknownTransfer) as refused:
            make.commit(post_many, [("nobody", "x", make.DAY), (posted.idem_key, "y", make.DAY)])
        assert refused.value.context == {"pending_idem_keys": sorted(["nobody", posted.idem_key])}


@pytest.mark.usefixtures("books")
class TestHolds:
    def test_reserve_and_release(self) -> None:
        one = make.make_account(posted=10)
        make.commit(apply_holds, [make.hold(one, 7, ref="order:1"), make.hold(one, 2, ref="order:2")])
        assert make.balance(one) == Balance(10, 9)
        make.commit(apply_holds, [make.hold(one, -7, ref="order:1")])
        assert make.balance(one) == Balance(10, 2)
        assert open_holds(one) == {"order:2": 2}

    def test_refuse_more_than_there_is(self) -> None:
        one = make.make_account(posted=10)
        with pytest.raises(InsufficientBalance) as refused:
            make.commit(apply_holds, [make.hold(one, 11)])
        assert refused.value.context == {"account_ids": [str(one)]}

    def test_refuse_to_release_more_than_is_held(self) -> None:
        one = make.make_account(posted=10)
        make.commit(apply_holds, [make.hold(one, 3)])
        with pytest.raises(HoldOverReleased):
            make.commit(apply_holds, [make.hold(one, -4)])
        assert make.balance(one) == Balance(10, 3)

    def test_refuse_to_release_what_a_pending_transfer_reserves(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        key = make.make_pending(one, two, 6)
        with pytest.raises(HoldOverReleased):
            make.commit(apply_holds, [make.hold(one, -1)])
        with pytest.raises(HoldOverReleased):
            make.commit(write_batch, holds=[make.hold(one, -4)], pendings=[make.pending(one, two, 4)])
        assert make.balance(one) == Balance(10, 6)
        make.commit(post_many, [(key, f"{key}:post", make.DAY)])
        assert make.balance(one) == Balance(4, 0)

    def test_become_pending_transfers_in_one_batch(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        make.commit(apply_holds, [make.hold(one, 10)])
        make.commit(write_batch, holds=[make.hold(one, -6)], pendings=[make.pending(one, two, 6)])
        assert make.balance(one) == Balance(10, 10)
        assert open_holds(one) == {"order:1": 4}

    def test_batch_writes_all_or_nothing(self) -> None:
        one, two = make.make_account(posted=10), make.make_account(posted=1)
        before = make.rows_written()
        with pytest.raises(InsufficientBalance) as refused:
            make.commit(write_batch, holds=[make.hold(two, 2)], pendings=[make.pending(one, two, 6)])
        assert refused.value.context == {"account_ids": [str(two)]}
        assert (make.balance(one), make.rows_written()) == (Balance(10, 0), before)
