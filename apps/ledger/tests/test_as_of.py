"""Balances as they were when a transfer was the newest."""

import pytest

from apps.ledger.selectors.as_of import by_wallet_at
from apps.ledger.selectors.balances import by_wallet, sequence
from apps.ledger.services.transfers import pend_many, post_many, transfer_many
from apps.ledger.tests import factories as make
from apps.ledger.types import Resolution


def held() -> dict[str, int]:
    return {wallet: units for wallet, units in by_wallet(make.ISIN).items() if units}


@pytest.mark.usefixtures("books")
class TestByWalletAt:
    def test_says_what_the_balances_said_then(self) -> None:
        alice, bob, carol = (make.make_wallet() for _ in range(3))
        one, two = (make.make_account(make.ISIN, posted=100, wallet=wallet) for wallet in (alice, bob))
        then: dict[int, dict[str, int]] = {0: {}, sequence(): held()}
        make.commit(transfer_many, [make.transfer(one, two, 30)])
        then[sequence()] = held()
        make.make_account(make.ISIN, posted=7, wallet=carol)
        then[sequence()] = held()
        make.make_account(make.OTHER_ISIN, posted=9, wallet=carol)
        make.make_account(posted=500, wallet=carol)
        under_way = make.pending(two, one, 5)
        make.commit(pend_many, [under_way])
        then[sequence()] = held()
        make.commit(post_many, [Resolution(under_way.idem_key, make.make_key(), make.DAY)])
        make.commit(transfer_many, [make.transfer(two, one, 125)])
        then[sequence()] = held()
        assert list(then.values()) == [
            {},
            {alice: 100, bob: 100},
            {alice: 70, bob: 130},
            {alice: 70, bob: 130, carol: 7},
            {alice: 70, bob: 130, carol: 7},
            {alice: 200, carol: 7},
        ]
        assert {at: by_wallet_at(make.ISIN, at) for at in then} == then
