"""What was done before: a key with the same content changes nothing, with other content it is refused."""

from dataclasses import replace

import pytest

from apps.ledger.errors import IdempotencyConflict
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.fold import fold_check, unbalanced_assets
from apps.ledger.services.holds import apply_holds
from apps.ledger.services.transfers import pend_many, post_many, transfer_many, void_many
from apps.ledger.tests import factories as make
from apps.ledger.types import Balance


@pytest.mark.usefixtures("books")
class TestReplays:
    def test_of_the_same_content_return_the_same_and_change_nothing(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        group = [make.transfer(one, two, 30), make.transfer(one, two, 20)]
        first = make.commit(transfer_many, group)
        before = make.balance(one), make.balance(two), make.rows_written()
        assert make.commit(transfer_many, group) == first
        assert (make.balance(one), make.balance(two), make.rows_written()) == before

    def test_are_no_ops_even_when_the_balance_no_longer_covers_them(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        group = [make.transfer(one, two, 10)]
        assert make.commit(transfer_many, group) == make.commit(transfer_many, group)
        assert make.balance(one) == Balance(0, 0)

    def test_may_bring_new_transfers_along(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        old, new = make.transfer(one, two, 6), make.transfer(one, two, 4)
        first = make.commit(transfer_many, [old])
        both = make.commit(transfer_many, [old, new])
        assert both[old.idem_key] == first[old.idem_key]
        assert make.balance(two) == Balance(10, 0)

    def test_within_one_group_count_once(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        moved = make.transfer(one, two, 6)
        make.commit(transfer_many, [moved, moved])
        assert make.balance(two) == Balance(6, 0)

    @pytest.mark.parametrize("within_one_group", [True, False])
    def test_of_other_content_are_refused(self, within_one_group: bool) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        first = make.transfer(one, two, 6)
        other = make.transfer(one, two, 7, key=first.idem_key)
        if not within_one_group:
            make.commit(transfer_many, [first])
        before = make.balance(one)
        with pytest.raises(IdempotencyConflict) as refused:
            make.commit(transfer_many, [first, other] if within_one_group else [other])
        assert refused.value.context == {"idem_keys": [first.idem_key]}
        assert make.balance(one) == before

    def test_of_a_posted_transfer_as_pending_are_refused(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        key = make.make_key()
        first = make.pending(one, two, 6, key=key)
        make.commit(pend_many, [first])
        with pytest.raises(IdempotencyConflict):
            make.commit(transfer_many, [first])

    def test_of_holds_are_told_apart_by_content(self) -> None:
        one = make.make_account(posted=10)
        entry = make.hold(one, 6)
        make.commit(apply_holds, [entry])
        make.commit(apply_holds, [entry])
        assert make.balance(one) == Balance(10, 6)
        with pytest.raises(IdempotencyConflict):
            make.commit(apply_holds, [make.hold(one, 5, key=entry.idem_key)])

    def test_count_the_first_effective_date(self) -> None:
        one, two = make.make_account(posted=10), make.make_account()
        moved = make.transfer(one, two, 6)
        first = make.commit(transfer_many, [moved])
        later = replace(moved, effective_at=make.DAY.replace(day=6))
        assert make.commit(transfer_many, [later]) == first
        assert LedgerTransfer.objects.get(pk=first[moved.idem_key]).effective_at == make.DAY


@pytest.mark.usefixtures("books")
class TestBooksAfterAll:
    def test_fold_to_their_balances_and_sum_to_zero(self) -> None:
        one, two = make.make_account(posted=100), make.make_account()
        shares = make.make_account(make.ISIN, posted=30)
        keys = [make.make_pending(one, two, amount) for amount in (1, 2, 3)]
        make.commit(post_many, [(keys[0], "post", make.DAY)])
        make.commit(void_many, [(keys[1], "void", make.DAY)])
        make.commit(apply_holds, [make.hold(shares, 12)])
        assert fold_check() == []
        assert unbalanced_assets() == {}
