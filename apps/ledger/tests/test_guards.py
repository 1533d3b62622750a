"""What the database refuses by itself, whoever asks: raw SQL as the application's role and as the owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connections, transaction

from apps.core.db.constraints import violated_constraint
from apps.ledger.models import LedgerAccount, LedgerTransfer
from apps.ledger.selectors.fold import fold_check, unbalanced_assets
from apps.ledger.services.holds import apply_holds
from apps.ledger.services.transfers import transfer_many
from apps.ledger.tests import factories as make
from apps.ledger.types import Balance

APPEND_ONLY = ["ledger_transfer", "ledger_hold_entry", "ledger_asset"]
CHANGES = ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET recorded_at = now()"]
PERMANENT = ["ledger_account", "ledger_balance"]


def run(role: str, statement: str, *params: Any) -> None:
    """One statement as a role: `default` is the application, `owner` owns the tables."""
    with transaction.atomic(using=role), connections[role].cursor() as cursor:
        cursor.execute(statement, params)


@contextmanager
def refused(by: str) -> Iterator[None]:
    """The statement must fail on this constraint, or with this text."""
    with pytest.raises(DatabaseError) as caught:
        yield
    assert by in f"{violated_constraint(caught.value)}: {caught.value}"


def insert_transfer(**values: Any) -> None:
    """A transfer by raw SQL as the application's role."""
    row = {
        "amount": 1,
        "state": "POSTED",
        "kind": "CORRECTION",
        "idem_key": make.make_key(),
        "source_ref": "r",
        "effective_at": make.DAY,
    } | values
    marks = ", ".join(["%s"] * len(row))
    run("default", f"INSERT INTO ledger_transfer ({', '.join(row)}) VALUES ({marks})", *row.values())


@pytest.fixture
def history() -> LedgerTransfer:
    """A transfer and a hold that stay."""
    one, two = make.make_account(posted=100), make.make_account()
    moved = make.transfer(one, two, 10)
    ids = make.commit(transfer_many, [moved])
    make.commit(apply_holds, [make.hold(one, 5)])
    return LedgerTransfer.objects.get(pk=ids[moved.idem_key])


@pytest.mark.usefixtures("books")
class TestHistory:
    @pytest.mark.parametrize("table", APPEND_ONLY)
    @pytest.mark.parametrize(
        "statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET recorded_at = now()"]
    )
    def test_is_refused_to_the_application(self, history: LedgerTransfer, table: str, statement: str) -> None:
        before = make.rows_written()
        with refused("permission denied"):
            run("default", statement.format(table))
        assert make.rows_written() == before

    @pytest.mark.parametrize("table", APPEND_ONLY)
    @pytest.mark.parametrize(
        "statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET recorded_at = now()"]
    )
    def test_is_refused_to_the_owner_too(self, history: LedgerTransfer, table: str, statement: str) -> None:
        before = make.rows_written()
        with refused("refused"):
            run("owner", statement.format(table))
        assert make.rows_written() == before

    @pytest.mark.parametrize("table", PERMANENT)
    @pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
    def test_of_accounts_is_refused_to_the_owner(self, history: LedgerTransfer, table: str, statement: str) -> None:
        with refused("refused"):
            run("owner", statement.format(table))

    @pytest.mark.parametrize(
        "change", [f"asset = '{make.ISIN}'", "kind = 'SUSPENSE'", "wallet_address = NULL", "id = uuidv7()"]
    )
    def test_of_an_account_keeps_what_identifies_it(self, history: LedgerTransfer, change: str) -> None:
        with refused("ledger_row_permanent"):
            run("owner", f"UPDATE ledger_account SET {change} WHERE id = %s", history.debit_account_id)


@pytest.mark.usefixtures("books")
class TestTransferRows:
    def test_join_one_asset(self) -> None:
        cash, shares = make.make_account(), make.make_account(make.ISIN)
        with refused("ledger_transfer_one_asset"):
            insert_transfer(debit_account_id=cash, credit_account_id=shares)

    def test_join_accounts_that_exist(self) -> None:
        one = make.make_account()
        for debit, credit in ((one, uuid4()), (uuid4(), one), (uuid4(), uuid4())):
            with refused("ledger_transfer_accounts_exist"):
                insert_transfer(debit_account_id=debit, credit_account_id=credit)

    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"amount": 0}, "ledger_transfer_amount"),
            ({"amount": -5}, "ledger_transfer_amount"),
            ({"amount": "NaN"}, "ledger_transfer"),
            ({"amount": 10**38}, "numeric field overflow"),
            ({"kind": "GIFT"}, "ledger_transfer_kind_known"),
            ({"idem_key": ""}, "ledger_transfer_keyed"),
            ({"state": "DONE"}, "ledger_transfer_state_whole"),
            ({"state": "VOIDED"}, "ledger_transfer_state_whole"),
            ({"state": "EXPIRED"}, "ledger_transfer_state_whole"),
        ],
    )
    def test_have_values_that_make_sense(self, values: dict[str, Any], constraint: str) -> None:
        one, two = make.make_account(), make.make_account()
        with refused(constraint):
            insert_transfer(debit_account_id=one, credit_account_id=two, **values)

    def test_have_a_key_of_their_own(self, history: LedgerTransfer) -> None:
        with refused("ledger_transfer_once"):
            insert_transfer(
                debit_account_id=history.debit_account_id,
                credit_account_id=history.credit_account_id,
                idem_key=history.idem_key,
            )


@pytest.mark.usefixtures("books")
class TestResolutionRows:
    @pytest.fixture
    def open_one(self) -> LedgerTransfer:
        one, two = make.make_account(posted=10), make.make_account()
        return LedgerTransfer.objects.get(idem_key=make.make_pending(one, two, 6))

    def resolve(self, pending: LedgerTransfer, **values: Any) -> None:
        insert_transfer(
            **{
                "debit_account_id": pending.debit_account_id,
                "credit_account_id": pending.credit_account_id,
                "amount": pending.amount,
                "kind": pending.kind,
                "pending_id": pending.pk,
            }
            | values
        )

    def test_end_a_pending_transfer_once(self, open_one: LedgerTransfer) -> None:
        self.resolve(open_one, state="VOIDED")
        for state in ("POSTED", "VOIDED", "EXPIRED"):
            with refused("ledger_transfer_resolved_once"):
                self.resolve(open_one, state=state)

    @pytest.mark.parametrize("values", [{"amount": 5}, {"amount": 7}, {"kind": "CORRECTION"}])
    def test_repeat_what_they_end(self, open_one: LedgerTransfer, values: dict[str, Any]) -> None:
        with refused("ledger_transfer_resolution_faithful"):
            self.resolve(open_one, **values)

    def test_end_between_the_same_accounts(self, open_one: LedgerTransfer) -> None:
        with refused("ledger_transfer_resolution_faithful"):
            self.resolve(open_one, credit_account_id=make.make_account())
        with refused("ledger_transfer_resolution_faithful"):
            self.resolve(open_one, debit_account_id=make.make_account())

    def test_end_what_is_pending_and_exists(self, history: LedgerTransfer) -> None:
        with refused("ledger_transfer_resolution_faithful"):
            self.resolve(history)
        history.pk = 10**12
        with refused("ledger_transfer_resolution_faithful"):
            self.resolve(history)

    def test_are_not_pending_themselves(self, open_one: LedgerTransfer) -> None:
        with refused("ledger_transfer_state_whole"):
            self.resolve(open_one, state="PENDING")


@pytest.mark.usefixtures("books")
class TestBalanceRows:
    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ("posted = -1", "ledger_balance_covered"),
            ("held = posted + 1", "ledger_balance_covered"),
            ("held = -1", "ledger_balance_held"),
            ("pending = 1", "ledger_balance_held"),
            ("pending = -1", "ledger_balance_held"),
            ("posted = 'NaN'", "ledger_balance"),
        ],
    )
    def test_stay_covered(self, change: str, constraint: str) -> None:
        account = make.make_account(posted=10)
        with refused(constraint):
            run("default", f"UPDATE ledger_balance SET {change} WHERE account_id = %s", account)
        assert make.balance(account) == Balance(10, 0)

    def test_cannot_pass_for_a_control_account(self) -> None:
        account = make.make_account(posted=10)
        with refused("ledger_balance_control_of_account"):
            run("default", "UPDATE ledger_balance SET control = true, posted = -1 WHERE account_id = %s", account)

    @pytest.mark.parametrize(
        ("kind", "wallet"),
        [("POSITION", None), ("CASH", None), ("ISSUANCE", "0x" + "1" * 40), ("POSITION", "0x" + "A" * 40)],
    )
    def test_belong_to_accounts_that_make_sense(self, kind: str, wallet: str | None) -> None:
        make.make_assets()
        with refused("ledger_account_"):
            run(
                "default",
                "INSERT INTO ledger_account (id, asset, kind, wallet_address) VALUES (uuidv7(), %s, %s, %s)",
                make.ISIN,
                kind,
                wallet,
            )


@pytest.mark.usefixtures("books")
class TestFoldCheck:
    def test_finds_a_balance_that_was_tampered_with(self) -> None:
        account = make.make_account(posted=10)
        assert fold_check() == []
        run("default", "UPDATE ledger_balance SET posted = 11, held = 3 WHERE account_id = %s", account)
        (difference,) = fold_check(make.CASH)
        assert (difference.account_id, difference.asset) == (account, make.CASH)
        assert (difference.stored, difference.folded) == ((11, 3, 0), (10, 0, 0))
        assert fold_check(make.ISIN) == []
        assert unbalanced_assets() == {make.CASH: 1}

    def test_finds_a_transfer_that_moved_no_balance(self) -> None:
        one, two = make.make_account(make.OTHER_ISIN, posted=10), make.make_account(make.OTHER_ISIN)
        insert_transfer(debit_account_id=one, credit_account_id=two, amount=4)
        assert {d.account_id: d.folded.posted for d in fold_check(make.OTHER_ISIN)} == {one: 6, two: 4}

    def test_finds_an_account_without_a_balance(self) -> None:
        make.make_assets()
        statement = "INSERT INTO ledger_account (id, asset, kind, wallet_address) VALUES (%s, %s, 'POSITION', %s)"
        lost = uuid4()
        run("default", statement, lost, make.ISIN, make.make_wallet())
        assert [(d.account_id, d.stored) for d in fold_check(make.ISIN)] == [(lost, None)]
        assert LedgerAccount.objects.filter(pk=lost, balance=None).exists()
