"""Figures of the four reports, to the last digit, and what makes a report citable."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import actor_of, make_user
from apps.accounts.types import Role
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.errors import RoleRequired
from apps.dex.services.orders import place_order
from apps.dex.testing import Market
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.factories import Issue, make_issue
from apps.ledger.selectors.balances import sequence
from apps.reports.selectors.building import ReportName
from apps.reports.tests.asking import report, row
from apps.securities.errors import UnknownSecurity
from apps.securities.tests.factories import make_security
from apps.settlement.models import SettlementInstruction

NAMES = [str(name) for name in ReportName]


@pytest.fixture(scope="class")
def market(books: str) -> Market:
    """Alice sells 30 at 10.00 and 7 of 10 at 11.00 to Bob, who also bids 5 at 9.00 and more than he can pay."""
    market = Market()
    alice, bob = market.trader(units=1_000), market.trader(cash=1_000)
    for who, side, price, quantity in (
        (alice, "SELL", "10.00", 30),
        (bob, "BUY", "10.00", 30),
        (alice, "SELL", "11.00", 10),
        (bob, "BUY", "11.00", 7),
        (bob, "BUY", "9.00", 5),
        (bob, "BUY", "20.00", 100_000),
    ):
        place_order(actor=who.actor, ticket=market.ticket(side, price, quantity), now=clock.now())
        market.match()
    return market


class TestTradingReport:
    def test_adds_up_orders_and_trades(self, market: Market) -> None:
        assert row("trading", market.isin) == {
            "isin": market.isin,
            "cash_asset": "USDX",
            "orders": 6,
            "orders_rejected": 1,
            "quantity_ordered": "82",
            "quantity_filled": "74",
            "fill_rate": "0.9024",
            "trades": 2,
            "volume": "37",
            "turnover": "377.000000",
            "vwap": "10.189189",
            "average_trade_value": "188.500000",
            "order_to_trade_ratio": "3.0000",
        }

    def test_filters_orders_by_status_and_trades_with_them(self, market: Market) -> None:
        partial = row("trading", market.isin, status="PARTIAL")
        assert (partial["orders"], partial["trades"], partial["vwap"]) == (1, 1, "11.000000")
        still_open = row("trading", market.isin, status="OPEN")
        assert (still_open["orders"], still_open["trades"], still_open["vwap"]) == (1, 0, None)
        assert (still_open["fill_rate"], still_open["order_to_trade_ratio"]) == ("0.0000", None)

    def test_counts_both_end_days_whole(self, market: Market) -> None:
        today = clock.now().date()
        assert row("trading", market.isin, date_from=today, date_to=today)["trades"] == 2
        for outside in ({"date_to": today - timedelta(days=1)}, {"date_from": today + timedelta(days=1)}):
            assert (row("trading", market.isin, **outside))["orders"] == 0

    def test_has_a_row_of_nothing_for_a_security_nobody_traded(self, market: Market) -> None:
        quiet = row("trading", make_security().isin)
        assert (quiet["orders"], quiet["volume"], quiet["fill_rate"], quiet["vwap"]) == (0, "0", None, None)


@pytest.fixture(scope="class")
def settled(market: Market) -> Market:
    """Of the two trades, 300 settled; 77 fails for lack of securities since six days."""
    rows = SettlementInstruction.objects.filter(isin=market.isin)
    with unit_of_work():
        rows.filter(quantity=30).update(settlement_status="SETT", settled_at=clock.now(), tx_hash="0x" + "ab" * 32)
        past = clock.now().date() - timedelta(days=6)
        rows.filter(quantity=7).update(settlement_status="PENF", reason_code="LACK", intended_settlement_date=past)
    return market


class TestSettlementReport:
    def test_rates_by_count_and_value_and_ages_what_fails(self, settled: Market) -> None:
        assert row("settlement", settled.isin) == {
            "isin": settled.isin,
            "cash_asset": "USDX",
            "instructions": 2,
            "cash_value": "377.000000",
            "settled": 1,
            "settled_cash_value": "300.000000",
            "settlement_rate_by_count": "0.5000",
            "settlement_rate_by_value": "0.7958",
            "by_status": [
                {
                    "status": "PENF",
                    "reason": "LACK",
                    "instructions": 1,
                    "quantity": "7",
                    "cash_value": "77.000000",
                },
                {
                    "status": "SETT",
                    "reason": None,
                    "instructions": 1,
                    "quantity": "30",
                    "cash_value": "300.000000",
                },
            ],
            "failing": [{"days": "5-9", "instructions": 1, "cash_value": "77.000000", "oldest_days": 6}],
        }

    def test_ages_by_the_day_it_is_asked(self, settled: Market) -> None:
        later = report("settlement", now=clock.now() + timedelta(days=30), isin=settled.isin)
        assert [(f["days"], f["oldest_days"]) for f in later.rows[0]["failing"]] == [("30+", 36)]

    def test_filters_by_status_and_trade_date(self, settled: Market) -> None:
        only = row("settlement", settled.isin, status="SETT")
        assert (only["instructions"], only["settlement_rate_by_count"], only["failing"]) == (1, "1.0000", [])
        assert row("settlement", settled.isin, status="CANC")["instructions"] == 0
        tomorrow = clock.now().date() + timedelta(days=1)
        assert row("settlement", settled.isin, date_from=tomorrow)["settlement_rate_by_value"] is None


@pytest.fixture(scope="class")
def issue(books: str) -> Iterator[Issue]:
    return make_issue(authorized=1_000)


class TestIssuanceReport:
    def test_shows_control_book_holders_and_requests(self, market: Market) -> None:
        found = row("issuance", market.isin)
        assert (found["authorized"], found["outstanding"], found["holders"]) == ("10000000", "1000", 1)
        ((top,), requests) = found["top_holders"], found["requests"]
        assert (top["quantity"], top["share"], requests) == ("1000", "1.0000", [])

    def test_ranks_holders_and_shares_what_is_outstanding(self, market: Market) -> None:
        for units in (500, *range(10, 22)):
            market.trader(units=units)
        found = row("issuance", market.isin)
        held = [(holder["quantity"], holder["share"]) for holder in found["top_holders"]]
        assert (found["holders"], found["outstanding"], len(held)) == (14, "1686", 10)
        assert held[:3] == [("1000", "0.5931"), ("500", "0.2966"), ("21", "0.0125")]


class TestIssuanceRequests:
    def test_are_counted_by_status_with_what_is_pending(self, issue: Issue) -> None:
        for quantity in ("10", "20"):
            request_issuance(actor=issue.maker_actor, draft=issue.draft(quantity=quantity), now=clock.now())
        found = row("issuance", issue.security.isin)
        assert (found["issued"], found["reserved"], found["outstanding"], found["top_holders"]) == ("0", "30", "0", [])
        assert found["requests"] == [{"status": "REQUESTED", "requests": 2, "quantity": "30"}]
        assert (found["pending_requests"], found["pending_quantity"]) == (2, "30")
        assert row("issuance", issue.security.isin, status="COMPLETED")["requests"] == []


class TestEveryReport:
    @pytest.mark.parametrize("name", NAMES)
    def test_is_citable_and_the_same_bytes_for_the_same_books(self, market: Market, name: str) -> None:
        client = api_client(make_user(role=Role.COMPLIANCE))
        first, again = (client.get(f"/api/reports/{name}").json()["data"] for _ in range(2))
        canonical = json.dumps(first["rows"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert first["sha256"] == hashlib.sha256(canonical.encode()).hexdigest() == again["sha256"]
        assert (first["name"], first["row_count"]) == (name, len(first["rows"]))
        assert (first["ledger_sequence"], first["block_number"]) == (sequence(), None)
        assert first["filters"] == {"isin": None, "status": None, "date_from": None, "date_to": None}
        assert datetime.fromisoformat(first["as_of"]).utcoffset() == timedelta()

    @pytest.mark.parametrize("name", NAMES)
    def test_shows_issuers_their_own_and_investors_nothing(self, market: Market, name: str) -> None:
        issuer = make_user(role=Role.ISSUER)
        own = make_security(actor=actor_of(issuer)).isin
        assert [r["isin"] for r in report(name, actor=actor_of(issuer)).rows] == [own]
        with pytest.raises(UnknownSecurity):
            report(name, actor=actor_of(issuer), isin=market.isin)
        with pytest.raises(RoleRequired):
            report(name, actor=actor_of(make_user(role=Role.INVESTOR)))
        path = f"/api/reports/{name}"
        assert api_client(issuer).get(path, {"isin": market.isin}).status_code == 404
        assert api_client(make_user(role=Role.INVESTOR)).get(path).status_code == 403
        assert api_client().get(path).status_code == 401

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize(
        "query",
        [
            {"status": "NOPE"},
            {"colour": "red"},
            {"isin": "US0000000000"},
            {"date_from": "yesterday"},
            {"date_from": "2026-02-30"},
            {"date_to": "9999-12-31"},
            {"date_from": "2026-02-02", "date_to": "2026-02-01"},
        ],
    )
    def test_refuses_what_it_does_not_know(self, market: Market, name: str, query: dict[str, str]) -> None:
        answer = api_client(make_user(role=Role.OPS)).get(f"/api/reports/{name}", query)
        assert (answer.status_code, answer.json()["success"]) == (400, False)
        assert answer.json()["error"]["code"] == "invalid"
