"""Transfers on real books."""

import pytest

from apps.core.db import unit_of_work
from apps.ledger.errors import AlreadyResolved, IdempotencyConflict, InsufficientBalance
from apps.ledger.selectors.balances import balances
from apps.ledger.selectors.fold import fold_check, unbalanced_assets
from apps.ledger.services.batches import write_batch
from apps.ledger.services.transfers import pend_many, post_many, transfer_many, void_many
from apps.ledger.tests import factories as make
from apps.ledger.types import Balance, HoldEntry


@pytest.mark.usefixtures("books")
class TestTransfers:
    def test_smoke(self) -> None:
        with unit_of_work():
            make.make_assets()
            a, b = make.make_account(posted=100), make.make_account()
            ids = transfer_many([make.transfer(a, b, 40, key="k1")])
            assert ids == transfer_many([make.transfer(a, b, 40, key="k1")])
            assert balances([a, b]) == {a: Balance(60, 0), b: Balance(40, 0)}
            pend_many([make.pending(a, b, 10, key="p1"), make.pending(a, b, 20, key="p2")])
            assert balances([a])[a] == Balance(60, 30)
            post_many([("p1", "p1:post", make.DAY)])
            void_many([("p2", "p2:void", make.DAY)])
            post_many([("p1", "p1:post", make.DAY)])
            assert balances([a, b]) == {a: Balance(50, 0), b: Balance(50, 0)}
            with pytest.raises(AlreadyResolved):
                post_many([("p2", "p2:post", make.DAY)])
            with pytest.raises(InsufficientBalance) as short:
                transfer_many([make.transfer(a, b, 51)])
            assert short.value.details == {"account_ids": [str(a)]}
            with pytest.raises(IdempotencyConflict):
                transfer_many([make.transfer(a, b, 41, key="k1")])
            write_batch(holds=[HoldEntry("h1", a, 30, "o1")], pendings=[make.pending(a, b, 20)])
            assert balances([a])[a] == Balance(50, 50)
        assert fold_check() == []
        assert unbalanced_assets() == {}
