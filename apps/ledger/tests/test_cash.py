"""Cash that moved on the chain: the books follow and never refuse."""

import pytest

from apps.ledger.selectors.balances import by_wallet, control_totals, position, shortfalls
from apps.ledger.selectors.fold import fold_check, unbalanced_assets
from apps.ledger.services.cash import recover_shortfall
from apps.ledger.services.holds import apply_holds
from apps.ledger.services.transfers import move_cash_external
from apps.ledger.tests import factories as make
from apps.ledger.types import AccountKey, AccountKind, Balance


def move(sender: str | None, recipient: str | None, amount: int, key: str = "") -> int:
    """One Transfer of the cash token; what was short."""
    make.make_assets()
    return make.commit(
        move_cash_external,
        idem_key=key or make.make_key("log"),
        asset=make.CASH,
        from_wallet=sender,
        to_wallet=recipient,
        amount=amount,
        source_ref="0xfeed",
        effective_at=make.DAY,
    )


def reserve(wallet: str, amount: int) -> None:
    account = make.account_of(AccountKey(make.CASH, AccountKind.CASH, wallet))
    make.commit(apply_holds, [make.hold(account, amount)])


def recover(wallet: str, ref: str) -> int:
    return make.commit(recover_shortfall, asset=make.CASH, wallet_address=wallet, source_ref=ref, effective_at=make.DAY)


def on_chain(wallet: str) -> int:
    """What the wallet must have on the chain if the books are right."""
    return by_wallet(make.CASH).get(wallet, 0) - shortfalls(make.CASH).get(wallet, 0)


@pytest.mark.usefixtures("books")
class TestMoveCashExternal:
    def test_books_mints_moves_and_burns(self) -> None:
        one, two = make.make_wallet(), make.make_wallet()
        assert [move(None, one, 100), move(one, two, 30), move(two, None, 10)] == [0, 0, 0]
        assert (position(make.CASH, one), position(make.CASH, two)) == (Balance(70, 0), Balance(20, 0))

    def test_books_what_is_free_and_owes_the_rest(self) -> None:
        one, two = make.make_wallet(), make.make_wallet()
        move(None, one, 100)
        reserve(one, 80)
        assert move(one, two, 50) == 30
        assert (position(make.CASH, one), position(make.CASH, two)) == (Balance(80, 80), Balance(50, 0))
        assert shortfalls(make.CASH)[one] == 30
        assert (on_chain(one), on_chain(two)) == (50, 50)

    def test_books_a_debit_of_a_wallet_that_has_nothing(self) -> None:
        one, two = make.make_wallet(), make.make_wallet()
        assert move(one, two, 5) == 5
        assert (on_chain(one), on_chain(two)) == (-5, 5)

    def test_pays_back_a_shortfall_from_what_comes_in(self) -> None:
        one = make.make_wallet()
        move(one, None, 5)
        move(None, one, 3)
        assert (shortfalls(make.CASH)[one], position(make.CASH, one)) == (2, Balance(0, 0))
        move(None, one, 3)
        assert one not in shortfalls(make.CASH)
        assert position(make.CASH, one) == Balance(1, 0)

    def test_pays_back_a_shortfall_from_what_is_freed(self) -> None:
        one = make.make_wallet()
        move(None, one, 100)
        reserve(one, 100)
        move(one, None, 40)
        assert recover(one, "trade:0") == 0
        reserve(one, -25)
        assert recover(one, "trade:1") == 25
        reserve(one, -75)
        assert recover(one, "trade:2") == 15
        assert (on_chain(one), position(make.CASH, one)) == (60, Balance(60, 0))

    def test_pays_back_once_for_one_source(self) -> None:
        one = make.make_wallet()
        move(None, one, 100)
        reserve(one, 100)
        move(one, None, 40)
        reserve(one, -25)
        assert [recover(one, "trade:9"), recover(one, "trade:9")] == [25, 25]
        assert shortfalls(make.CASH)[one] == 15

    def test_replayed_returns_the_same_and_changes_nothing(self) -> None:
        one, two = make.make_wallet(), make.make_wallet()
        move(None, one, 10)
        reserve(one, 4)
        key = make.make_key("log")
        assert move(one, two, 9, key) == 3
        reserve(one, -4)
        before = make.rows_written()
        assert move(one, two, 9, key) == 3
        assert (make.rows_written(), position(make.CASH, two)) == (before, Balance(9, 0))

    def test_has_no_effect_for_nothing_and_for_oneself(self) -> None:
        one = make.make_wallet()
        move(None, one, 10)
        before = make.rows_written()
        assert [move(one, one, 5), move(one, make.make_wallet(), 0)] == [0, 0]
        assert make.rows_written() == before

    def test_leaves_books_that_fold_and_balance(self) -> None:
        totals = control_totals(make.CASH)
        assert sum(totals.values()) == 0
        assert (fold_check(), unbalanced_assets()) == ([], {})
