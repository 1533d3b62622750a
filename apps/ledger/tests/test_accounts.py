"""Assets, accounts and their owners."""

from threading import Barrier, Thread
from uuid import UUID

import pytest
from django.db import connections

from apps.accounts.tests.factories import make_party
from apps.core.db import unit_of_work
from apps.ledger.errors import AssetConflict, UnknownAsset, WalletOwned
from apps.ledger.models import LedgerAccount, LedgerBalance
from apps.ledger.selectors.balances import accounts_of, decimals_of
from apps.ledger.services.accounts import assign_owner, ensure_accounts
from apps.ledger.services.assets import register_asset
from apps.ledger.tests import factories as make
from apps.ledger.types import AccountKey, AccountKind


@pytest.mark.usefixtures("books")
class TestAssets:
    def test_are_registered_once(self) -> None:
        for _ in range(2):
            make.commit(register_asset, "GOLD", 3)
        assert decimals_of("GOLD") == 3

    def test_keep_their_decimals(self) -> None:
        make.commit(register_asset, "SILVER", 3)
        with pytest.raises(AssetConflict):
            make.commit(register_asset, "SILVER", 4)
        assert decimals_of("SILVER") == 3

    def test_come_before_their_accounts(self) -> None:
        with pytest.raises(UnknownAsset) as refused:
            make.account_of(AccountKey("LEAD", AccountKind.ISSUANCE))
        assert refused.value.context == {"assets": ["LEAD"]}


@pytest.mark.usefixtures("books")
class TestEnsureAccounts:
    def test_makes_each_account_once_with_a_zero_balance(self) -> None:
        make.make_assets()
        keys = {
            AccountKey(make.ISIN, AccountKind.POSITION, make.make_wallet()),
            AccountKey(make.ISIN, AccountKind.ISSUANCE),
            AccountKey(make.CASH, AccountKind.SUSPENSE),
        }
        first = make.commit(ensure_accounts, keys=keys)
        assert first.keys() == keys
        assert make.commit(ensure_accounts, keys=keys) == first
        rows = LedgerBalance.objects.filter(pk__in=first.values()).values_list("account__kind", "posted", "control")
        assert set(rows) == {("POSITION", 0, False), ("ISSUANCE", 0, True), ("SUSPENSE", 0, True)}

    def test_takes_plain_tuples(self) -> None:
        make.make_assets()
        key = (make.CASH, "CASH", make.make_wallet())
        assert make.commit(ensure_accounts, keys=[key]).keys() == {key}

    def test_refuses_a_wallet_an_asset_as_both_position_and_cash(self) -> None:
        make.make_assets()
        wallet = make.make_wallet()
        make.account_of(AccountKey(make.CASH, AccountKind.CASH, wallet))
        with pytest.raises(AssetConflict):
            make.account_of(AccountKey(make.CASH, AccountKind.POSITION, wallet))

    def test_gives_racing_callers_the_same_accounts(self) -> None:
        make.make_assets()
        keys = [AccountKey(make.CASH, AccountKind.CASH, make.make_wallet()) for _ in range(20)]
        barrier, found = Barrier(6), []

        def ensure(number: int) -> None:
            mine = keys if number % 2 else keys[::-1]
            barrier.wait()
            try:
                found.append(make.commit(ensure_accounts, keys=mine))
            finally:
                connections.close_all()

        threads = [Thread(target=ensure, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6
        assert all(answer == found[0] for answer in found)
        assert LedgerAccount.objects.filter(wallet_address__in=[key.wallet_address for key in keys]).count() == 20


@pytest.mark.usefixtures("books")
class TestOwners:
    def test_own_the_accounts_there_are_and_those_to_come(self) -> None:
        party, wallet = make_party().pk, make.make_wallet()
        make.make_account(make.CASH, wallet=wallet)
        for _ in range(2):
            make.commit(assign_owner, wallet_address=wallet, party_id=party)
        make.make_account(make.ISIN, wallet=wallet)
        owned = {(row.asset, row.kind, row.wallet_address) for row in accounts_of(party_id=party)}
        assert owned == {(make.CASH, "CASH", wallet), (make.ISIN, "POSITION", wallet)}

    def test_keep_their_wallet(self) -> None:
        party, wallet = make_party().pk, make.make_wallet()
        account = make.make_account(wallet=wallet)
        make.commit(assign_owner, wallet_address=wallet, party_id=party)
        with pytest.raises(WalletOwned):
            make.commit(assign_owner, wallet_address=wallet, party_id=make_party().pk)
        assert LedgerAccount.objects.get(pk=account).party_id == party

    @pytest.mark.parametrize("first", ["account", "owner"])
    def test_find_accounts_made_at_the_same_moment(self, first: str) -> None:
        """Whichever commits last has waited for the other, so no account is left without its owner."""
        make.make_assets()
        party, key = make_party().pk, AccountKey(make.CASH, AccountKind.CASH, make.make_wallet())
        acts = {
            "account": lambda: ensure_accounts(keys={key}),
            "owner": lambda: assign_owner(wallet_address=str(key.wallet_address), party_id=party),
        }
        second = acts.pop("owner" if first == "account" else "account")
        waiting = Barrier(2)

        def act() -> None:
            waiting.wait()
            try:
                make.commit(second)
            finally:
                connections.close_all()

        thread = Thread(target=act)
        thread.start()
        with unit_of_work():
            acts[first]()
            waiting.wait()
            thread.join(timeout=0.5)
            assert thread.is_alive(), "it waits for the first to commit"
        thread.join()
        assert owner_of(key) == party


def owner_of(key: AccountKey) -> UUID | None:
    return LedgerAccount.objects.get(asset=key.asset, kind=key.kind, wallet_address=key.wallet_address).party_id
