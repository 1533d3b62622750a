"""Orders from the ticket to the books: what each party has and holds, exactly."""

from collections.abc import Iterator

import pytest

from apps.compliance.errors import TransferRestricted
from apps.compliance.models import EligibilityDecision, InvestorProfile
from apps.compliance.types import KycStatus
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import DomainError, InvalidValue
from apps.dex.errors import DuplicateCommand, InvalidPrice, InvalidQuantity, OrderDone, UnknownOrder
from apps.dex.models import Command, Inbox, JournalEntry, Order, Trade
from apps.dex.selectors.orders import book, order_view
from apps.dex.services.orders import cancel_order, place_order, submit_order
from apps.dex.testing import CENT, Market, Trader
from apps.dex.types import OrderView
from apps.ledger.selectors.fold import fold_check
from apps.settlement.models import SettlementInstruction

EURO = 100 * CENT


@pytest.fixture(scope="class")
def market(books: str) -> Market:
    return Market()


@pytest.fixture
def alice(market: Market) -> Trader:
    return market.trader(units=1000)


@pytest.fixture
def bob(market: Market) -> Trader:
    return market.trader(cash=50_000)


def place(market: Market, who: Trader, side: str, price: str, quantity: int, tif: str = "GTC") -> OrderView:
    receipt = place_order(actor=who.actor, ticket=market.ticket(side, price, quantity, tif=tif), now=clock.now())
    market.match()
    return order_view(receipt.order_id)


def cancel(market: Market, who: Trader, order: OrderView) -> OrderView:
    cancel_order(actor=who.actor, order_id=order.order_id, now=clock.now(), patience=0)
    market.match()
    return order_view(order.order_id)


@pytest.mark.usefixtures("market")
class TestAnOrder:
    @pytest.fixture(autouse=True)
    def _empty_book(self, market: Market) -> Iterator[None]:
        """Each test begins with an empty book and leaves books that add up."""
        yield
        for row in Order.objects.open():
            owner = Actor(user_id=None, party_id=row.party_id, roles=frozenset({"INVESTOR"}))
            cancel_order(actor=owner, order_id=row.pk, now=clock.now(), patience=0)
        market.match()
        assert fold_check() == []

    def test_rests_and_holds_what_it_needs(self, market: Market, alice: Trader, bob: Trader) -> None:
        place(market, alice, "SELL", "10.00", 500)
        assert alice.has() == (1000, 500, 0, 0)
        place(market, bob, "BUY", "9.99", 100)
        assert bob.has() == (0, 0, 50_000 * EURO, 999 * EURO)
        levels = book(market.isin, 5)
        assert [(level.price, level.quantity) for level in levels.asks] == [("10.000000", "500")]
        assert [(level.price, level.quantity) for level in levels.bids] == [("9.990000", "100")]

    def test_trades_at_the_resting_price_and_releases_the_difference(
        self, market: Market, alice: Trader, bob: Trader
    ) -> None:
        offer = place(market, alice, "SELL", "10.00", 500)
        bought = place(market, bob, "BUY", "10.50", 200)
        assert (bought.status, bought.filled_quantity) == ("FILLED", "200")
        assert [(f.price, f.quantity, f.cash_amount) for f in bought.fills] == [("10.000000", "200", "2000.000000")]
        assert order_view(offer.order_id).status == "PARTIAL"
        assert bob.has() == (0, 0, 50_000 * EURO, 2_000 * EURO)
        assert alice.has() == (1000, 500, 0, 0)

    def test_that_trades_is_instructed_for_settlement_with_both_legs_pending(
        self, market: Market, alice: Trader, bob: Trader
    ) -> None:
        place(market, alice, "SELL", "10.00", 5)
        place(market, bob, "BUY", "10.00", 5)
        trade = Trade.objects.latest("id")
        instruction = SettlementInstruction.objects.get(trade_ref=f"trade:{trade.pk}")
        assert (instruction.quantity, instruction.cash_amount) == (5, 50 * EURO)
        assert (instruction.seller_wallet, instruction.buyer_wallet) == (alice.wallet, bob.wallet)

    def test_beyond_the_cash_is_rejected_and_holds_nothing(self, market: Market, bob: Trader) -> None:
        rejected = place(market, bob, "BUY", "50.01", 1000)
        assert (rejected.status, rejected.reason) == ("REJECTED", "INSUFFICIENT_FUNDS")
        assert bob.has() == (0, 0, 50_000 * EURO, 0)

    def test_beyond_the_position_is_rejected(self, market: Market, alice: Trader) -> None:
        assert place(market, alice, "SELL", "1.00", 1001).reason == "INSUFFICIENT_POSITION"
        assert alice.has() == (1000, 0, 0, 0)

    def test_sees_what_earlier_orders_of_its_batch_hold(self, market: Market, alice: Trader) -> None:
        tickets = [market.ticket("SELL", "10.00", 600), market.ticket("SELL", "10.00", 600)]
        receipts = [place_order(actor=alice.actor, ticket=t, now=clock.now()) for t in tickets]
        market.match()
        assert [order_view(r.order_id).status for r in receipts] == ["OPEN", "REJECTED"]
        assert alice.has() == (1000, 600, 0, 0)

    def test_immediate_or_cancel_leaves_nothing_behind(self, market: Market, alice: Trader, bob: Trader) -> None:
        place(market, alice, "SELL", "10.00", 30)
        taken = place(market, bob, "BUY", "10.00", 100, tif="IOC")
        assert (taken.status, taken.filled_quantity, taken.reason) == ("CANCELED", "30", "TIME_IN_FORCE")
        assert bob.has() == (0, 0, 50_000 * EURO, 300 * EURO)

    def test_never_trades_with_its_own_party(self, market: Market) -> None:
        both = market.trader(units=100, cash=1000)
        place(market, both, "SELL", "5.00", 50)
        own = place(market, both, "BUY", "5.00", 50)
        assert (own.status, own.reason) == ("CANCELED", "SELF_TRADE")
        assert both.has() == (100, 50, 1000 * EURO, 0)

    def test_canceled_gives_back_its_hold_once(self, market: Market, alice: Trader) -> None:
        order = place(market, alice, "SELL", "10.00", 400)
        assert cancel(market, alice, order).status == "CANCELED"
        assert alice.has() == (1000, 0, 0, 0)
        with pytest.raises(OrderDone):
            cancel_order(
                actor=alice.actor, order_id=order.order_id, now=clock.now(), client_cancel_id="again", patience=0
            )
            market.match()
            cancel_order(
                actor=alice.actor, order_id=order.order_id, now=clock.now(), client_cancel_id="again", patience=0
            )

    def test_of_another_party_cannot_be_canceled_nor_seen(self, market: Market, alice: Trader, bob: Trader) -> None:
        order = place(market, alice, "SELL", "10.00", 1)
        with pytest.raises(UnknownOrder):
            cancel_order(actor=bob.actor, order_id=order.order_id, now=clock.now(), patience=0)
        with pytest.raises(UnknownOrder):
            order_view(order.order_id, bob.actor.party_id)

    def test_sent_twice_is_one_order(self, market: Market, alice: Trader) -> None:
        ticket = market.ticket("SELL", "10.00", 1)
        first, second = (place_order(actor=alice.actor, ticket=ticket, now=clock.now()) for _ in range(2))
        market.match()
        third = place_order(actor=alice.actor, ticket=ticket, now=clock.now())
        assert first.order_id == second.order_id == third.order_id
        assert third.decided
        assert alice.has() == (1000, 1, 0, 0)

    def test_with_a_used_id_and_other_content_is_refused(self, market: Market, alice: Trader) -> None:
        place_order(actor=alice.actor, ticket=market.ticket("SELL", "10.00", 1, client_id="same"), now=clock.now())
        with pytest.raises(DuplicateCommand):
            place_order(actor=alice.actor, ticket=market.ticket("SELL", "10.00", 2, client_id="same"), now=clock.now())
        market.match()

    @pytest.mark.parametrize(
        ("price", "quantity", "error"),
        [
            ("10.005", 1, InvalidPrice),
            ("0", 1, InvalidPrice),
            ("10.00", 0, InvalidQuantity),
            ("10.00", 10**7, InvalidQuantity),
            ("9" * 30, 1, DomainError),
            ("1.0000001", 1, InvalidValue),
        ],
    )
    def test_outside_the_terms_is_refused_and_recorded_nowhere(
        self, market: Market, alice: Trader, price: str, quantity: int, error: type[Exception]
    ) -> None:
        before = Command.objects.count()
        with pytest.raises(error):
            place_order(actor=alice.actor, ticket=market.ticket("SELL", price, quantity), now=clock.now())
        assert Command.objects.count() == before

    def test_of_an_ineligible_party_is_refused_and_only_the_decision_remains(
        self, market: Market, alice: Trader
    ) -> None:
        InvestorProfile.objects.filter(party_id=alice.actor.party_id).update(
            kyc_status=KycStatus.REJECTED, accredited=False, kyc_expires_at=None
        )
        before = (Command.objects.count(), Inbox.objects.count(), alice.has(), JournalEntry.objects.count())
        with pytest.raises(TransferRestricted) as refused:
            place_order(actor=alice.actor, ticket=market.ticket("SELL", "10.00", 1), now=clock.now())
        assert [r["code"] for r in refused.value.context["reasons"]] == ["KYC_NOT_APPROVED", "NOT_ACCREDITED"]
        assert (Command.objects.count(), Inbox.objects.count(), alice.has(), JournalEntry.objects.count()) == before
        decision = EligibilityDecision.objects.filter(party_id=alice.actor.party_id).latest("id")
        assert (decision.allowed, decision.codes) == (False, ["KYC_NOT_APPROVED", "NOT_ACCREDITED"])

    def test_without_a_matcher_is_pending_and_not_lost(self, market: Market, alice: Trader) -> None:
        order = submit_order(
            actor=alice.actor, ticket=market.ticket("SELL", "10.00", 1), now=clock.now(), patience=0.01
        )
        assert order.status == "PENDING"
        market.match()
        assert order_view(order.order_id).status == "OPEN"

    def test_survives_a_new_matcher_with_its_priority(self, market: Market, alice: Trader, bob: Trader) -> None:
        first = place(market, alice, "SELL", "10.00", 10)
        second = place(market, alice, "SELL", "10.00", 10)
        market.restart()
        place(market, bob, "BUY", "10.00", 15)
        assert order_view(first.order_id).status == "FILLED"
        assert order_view(second.order_id).filled_quantity == "5"
