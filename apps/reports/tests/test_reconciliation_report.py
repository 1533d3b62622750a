"""Reconciliation per security: runs, breaks with their age, and what is aged and worth more than may go unreported."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test.utils import override_settings

from apps.core.db import unit_of_work
from apps.dex.models import Trade
from apps.issuance.models import IssuanceControl
from apps.ledger.services.assets import register_asset
from apps.reconciliation.models import Break, BreakEvent, CutOff, Run
from apps.reports.tests.asking import report, row
from apps.securities.tests.factories import make_security


@contextmanager
def aged_after(days: int) -> Iterator[None]:
    """The policy calls aged what has been open for longer than this."""
    policy = settings.SECURITY.reconciliation
    changed = replace(policy, ageing=replace(policy.ageing, aged_after_days=days))
    with override_settings(SECURITY=replace(settings.SECURITY, reconciliation=changed)):
        yield


@pytest.mark.usefixtures("books")
class TestReconciliationReport:
    def test_counts_runs_ages_breaks_and_names_the_last_cut_off(self) -> None:
        isin, now = make_security().isin, datetime(2026, 6, 30, 12, tzinfo=UTC)
        runs = [self._run(isin, "BREAKS", now - timedelta(days=40), 7), self._run(isin, "CLEAN", now, 9)]
        old, young = now - timedelta(days=40), now - timedelta(days=3)
        self._break(runs[0], "AMOUNT", old, "a")
        self._break(runs[0], "AMOUNT", young, "b")
        self._break(runs[0], "SUPPLY", old, "c", cleared_at=young)
        (found,) = report("reconciliation", now=now, isin=isin).rows
        assert found["runs_by_status"] == [{"status": "BREAKS", "runs": 1}, {"status": "CLEAN", "runs": 1}]
        assert (found["runs"], found["breaks_open"]) == (2, 2)
        aged = {"breaks": 2, "first_seen_at": "2026-05-21T12:00:00Z", "oldest_days": 40, "aged": 1}
        cleared = {"breaks": 1, "first_seen_at": "2026-05-21T12:00:00Z", "oldest_days": None, "aged": 0}
        assert found["breaks"] == [
            {"kind": "AMOUNT", "state": "OPEN"} | aged,
            {"kind": "SUPPLY", "state": "CLEARED"} | cleared,
        ]
        last = found["last_run"]
        assert (last["id"], last["status"], last["block_number"]) == (str(runs[1].pk), "CLEAN", 9)
        assert (last["block_hash"], last["ledger_sequence"]) == (f"0x{9:064x}", 90)

    @pytest.mark.parametrize(("after", "aged"), [(30, 0), (25, 0), (24, 1)])
    def test_takes_for_aged_what_the_policy_does(self, after: int, aged: int) -> None:
        isin, now = self._priced(issued=10_000), datetime(2026, 7, 2, 12, tzinfo=UTC)
        run = self._run(isin, "BREAKS", now - timedelta(days=25), 7)
        self._break(run, "AMOUNT", now - timedelta(days=25), f"{after}", books=0, chain=601)
        self._break(run, "AMOUNT", now - timedelta(days=3), f"{after} young", books=0, chain=1)
        with aged_after(after):
            found = row("reconciliation", isin, now=now)
        (breaks,) = found["breaks"]
        assert (breaks["breaks"], breaks["oldest_days"], breaks["aged"]) == (2, 25, aged)
        assert (found["ageing"]["open"], found["ageing"]["aged"]) == (2, aged)

    def test_values_what_was_aged_at_the_end_of_the_last_month(self) -> None:
        isin, now = self._priced(issued=10_000), datetime(2026, 7, 2, 12, tzinfo=UTC)
        run = self._run(isin, "BREAKS", now - timedelta(days=90), 7)
        may = datetime(2026, 5, 30, 23, 59, tzinfo=UTC)
        self._break(run, "MISSING_IN_BOOKS", may, "remedy", chain=400, remedy={"amount": "500"})
        self._break(run, "AMOUNT", may, "difference", books=120, chain=20)
        self._break(run, "AMOUNT", may + timedelta(days=1), "not aged then", books=0, chain=999)
        self._break(run, "PAUSE_STATE", may, "no units", chain=77)
        self._break(run, "CASH_LEG", may, "no units of the security", asset="USDX", chain=88)
        self._break(run, "AMOUNT", may, "gone before", books=0, chain=55, cleared_at=datetime(2026, 6, 30, tzinfo=UTC))
        self._break(run, "AMOUNT", may, "gone after", books=0, chain=1, cleared_at=datetime(2026, 7, 1, 5, tzinfo=UTC))
        found = row("reconciliation", isin, now=now)["ageing"]
        assert (found["open"], found["aged"], found["oldest_days"]) == (5, 5, 33)
        assert found["by_age"] == [
            {"days": "0-7", "breaks": 0},
            {"days": "8-30", "breaks": 0},
            {"days": "over 30", "breaks": 5},
        ]
        assert (found["month_end"], found["due_date"]) == ("2026-06-30", "2026-07-15")
        assert (found["aged_at_month_end"], found["aged_quantity"], found["without_quantity"]) == (5, "601", 0)
        # 601 units at 100 are 60,100; 10,000 issued are one million, of which more than 50,000 is reported.
        assert (found["price"], found["priced_at"]) == ("100.000000", "2026-06-30T23:59:00Z")
        assert (found["aged_value"], found["capitalization"]) == ("60100.000000", "1000000.000000")
        assert (found["instrument"], found["threshold_usd"]) == ("EQUITY", 50_000)
        assert (found["exceeds_threshold"], found["unknown"]) == (True, [])

    def test_allows_more_to_larger_issuers(self) -> None:
        isin, now = self._priced(issued=100_000), datetime(2026, 7, 2, 12, tzinfo=UTC)
        run = self._run(isin, "BREAKS", now - timedelta(days=90), 7)
        self._break(run, "AMOUNT", now - timedelta(days=60), "a", books=0, chain=601)
        found = row("reconciliation", isin, now=now)["ageing"]
        assert (found["threshold_usd"], found["exceeds_threshold"]) == (250_000, False)

    def test_says_what_it_does_not_know_and_never_counts_it_as_zero(self) -> None:
        isin, now = make_security().isin, datetime(2026, 7, 2, 12, tzinfo=UTC)
        clean = row("reconciliation", isin, now=now)["ageing"]
        assert (clean["exceeds_threshold"], clean["unknown"]) == (False, ["PRICE", "ISSUED"])
        run = self._run(isin, "BREAKS", now - timedelta(days=90), 7)
        self._break(run, "AMOUNT", now - timedelta(days=60), "a", books=0, chain=2)
        unpriced = row("reconciliation", isin, now=now)["ageing"]
        assert (unpriced["price"], unpriced["aged_value"], unpriced["exceeds_threshold"]) == (None, None, None)
        assert (unpriced["aged_quantity"], unpriced["unknown"]) == ("2", ["PRICE", "ISSUED"])

    def test_does_not_know_whether_unknown_units_exceed(self) -> None:
        isin, now = self._priced(issued=10_000), datetime(2026, 7, 2, 12, tzinfo=UTC)
        run = self._run(isin, "BREAKS", now - timedelta(days=90), 7)
        self._break(run, "DVP_ONE_LEG", now - timedelta(days=60), "a")
        found = row("reconciliation", isin, now=now)["ageing"]
        assert (found["without_quantity"], found["exceeds_threshold"], found["unknown"]) == (1, None, ["UNITS"])
        self._break(run, "AMOUNT", now - timedelta(days=60), "b", books=0, chain=501)
        assert row("reconciliation", isin, now=now)["ageing"]["exceeds_threshold"] is True

    def test_values_nothing_in_cash_that_is_no_dollar(self) -> None:
        isin, now = self._priced(issued=10_000, cash_asset="EURX"), datetime(2026, 7, 2, 12, tzinfo=UTC)
        run = self._run(isin, "BREAKS", now - timedelta(days=90), 7)
        self._break(run, "AMOUNT", now - timedelta(days=60), "a", books=0, chain=2)
        found = row("reconciliation", isin, now=now)["ageing"]
        assert (found["aged_value"], found["cash_asset"], found["threshold_usd"]) == ("200.000000", "EURX", None)
        assert (found["exceeds_threshold"], found["unknown"]) == (None, ["CURRENCY"])

    def _priced(self, *, issued: int, cash_asset: str = "USDX") -> str:
        """A security of which so many are issued, last traded at 100 in the last minute of June, then at 7 in July."""
        isin = make_security().isin
        with unit_of_work():
            register_asset(cash_asset, 6)
            IssuanceControl.objects.create(isin=isin, authorized=issued, issued=issued)
            for price, at in ((100, datetime(2026, 6, 30, 23, 59, tzinfo=UTC)), (7, datetime(2026, 7, 1, tzinfo=UTC))):
                parties = ("maker_order_id", "taker_order_id", "buyer_party_id", "seller_party_id")
                Trade.objects.create(
                    id=(Trade.objects.order_by("-id").values_list("id", flat=True).first() or 0) + 1,
                    isin=isin,
                    taker_side="BUY",
                    price=price * 10**6,
                    quantity=1,
                    cash_asset=cash_asset,
                    cash_amount=price * 10**6,
                    seq=1,
                    executed_at=at,
                    **{name: uuid4() for name in parties},
                )
        return isin

    def test_filters_by_run_status_and_day(self) -> None:
        isin, now = make_security().isin, datetime(2026, 6, 30, 23, 59, tzinfo=UTC)
        self._run(isin, "CLEAN", now, 3)
        assert row("reconciliation", isin, status="VOID")["last_run"] is None
        assert row("reconciliation", isin, date_to=now.date())["runs"] == 1
        assert row("reconciliation", isin, date_from=now.date() + timedelta(days=1))["runs"] == 0

    def _run(self, isin: str, status: str, at: datetime, number: int) -> Run:
        with unit_of_work():
            cut_off = CutOff.objects.create(
                chain_id=31337,
                block_number=number,
                block_hash=f"0x{number:064x}",
                block_time=at,
                state_root=f"0x{number:064x}",
                ledger_sequence=10 * number,
            )
            return Run.objects.create(
                isin=isin,
                cut_off=cut_off,
                status=status,
                wallets=1,
                unknown_reads=0,
                in_flight=0,
                breaks_found=int(status == "BREAKS"),
                started_at=at,
                finished_at=at,
            )

    def _break(
        self,
        run: Run,
        kind: str,
        seen: datetime,
        key: str,
        cleared_at: datetime | None = None,
        *,
        asset: str = "",
        books: int | None = None,
        chain: int | None = None,
        remedy: dict[str, Any] | None = None,
    ) -> None:
        with unit_of_work():
            found = Break.objects.create(
                identity=f"{run.isin}:{key}",
                isin=run.isin,
                kind=kind,
                state="CLEARED" if cleared_at else "OPEN",
                first_run=run,
                first_seen_at=seen,
                last_seen_at=seen,
                cleared_at=cleared_at,
            )
            BreakEvent.objects.create(
                found=found,
                run=run,
                change="RAISED",
                kind=kind,
                asset=asset or run.isin,
                decimals=0,
                books_amount=books,
                chain_amount=chain,
                remedy=remedy,
                message=key,
            )
