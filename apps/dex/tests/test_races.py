"""Races between requests, the matcher and other writers of balances, held at the statement where they would hurt."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from apps.core import clock
from apps.core.db import fetch_all, run_sql, unit_of_work
from apps.dex.errors import DuplicateCommand
from apps.dex.models import Command, Inbox, Verdict
from apps.dex.selectors.orders import order_view
from apps.dex.services.orders import cancel_order, place_order
from apps.dex.services.verdicts import VerdictWaiter
from apps.dex.testing import CENT, Market, Trader
from apps.dex.types import CommandReceipt
from apps.ledger.selectors.fold import fold_check

PATIENCE = 20


@pytest.fixture(scope="class")
def market(books: str) -> Market:
    return Market()


@contextmanager
def before_statement(words: str, act: Callable[[], object]) -> Iterator[None]:
    """Have `act` run once before this connection executes the first statement that contains `words`."""
    waiting = [act]

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if waiting and words in str(sql):
            waiting.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield


def apart(act: Callable[[], object]) -> Any:
    """Run on a connection of its own."""
    try:
        return act()
    finally:
        connections.close_all()


@pytest.mark.usefixtures("market")
class TestTheSameCancelTwiceAtOnce:
    def test_is_decided_once_and_stops_no_matcher(self, market: Market) -> None:
        """The second request waits for the first one's commit, and goes on only when the matcher has decided it."""
        alice = market.trader(units=100)
        order = place_order(actor=alice.actor, ticket=market.ticket("SELL", "10.00", 100), now=clock.now())
        market.match()
        looked, decided = threading.Event(), threading.Event()

        def cancel() -> None:
            cancel_order(actor=alice.actor, order_id=order.order_id, now=clock.now(), patience=0)

        def second() -> None:
            with before_statement("INSERT INTO dex_command", lambda: (looked.set(), decided.wait(PATIENCE))):
                cancel()

        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(apart, second)
            assert looked.wait(PATIENCE)
            cancel()
            market.match()
            decided.set()
            later.result(PATIENCE)
        assert Command.objects.filter(order_id=order.order_id, kind="CANCEL").count() == 1
        assert not Inbox.objects.exists()
        after = place_order(actor=alice.actor, ticket=market.ticket("SELL", "10.00", 100), now=clock.now())
        market.match()
        assert order_view(after.order_id).status == "OPEN"
        assert Verdict.objects.filter(command__kind="CANCEL").count() == 1
        assert fold_check() == []

    def test_under_an_id_that_another_command_takes_meanwhile_is_refused(self, market: Market) -> None:
        alice = market.trader(units=100)
        order = place_order(actor=alice.actor, ticket=market.ticket("SELL", "10.00", 10), now=clock.now())
        market.match()

        def take_the_id() -> None:
            with ThreadPoolExecutor(1) as pool:
                ticket = market.ticket("SELL", "11.00", 10, client_id="taken")
                pool.submit(apart, lambda: place_order(actor=alice.actor, ticket=ticket, now=clock.now())).result()

        with before_statement("INSERT INTO dex_command", take_the_id), pytest.raises(DuplicateCommand):
            cancel_order(
                actor=alice.actor, order_id=order.order_id, client_cancel_id="taken", now=clock.now(), patience=0
            )
        market.match()
        assert order_view(order.order_id).status == "OPEN"


@pytest.mark.usefixtures("market")
class TestAnOrderUnderContention:
    def test_is_never_rejected_as_poison(self, market: Market) -> None:
        """Another writer takes the cash each time the matcher has read it, and gives it back before the next try."""
        bob = market.trader(cash=1000)
        order = place_order(actor=bob.actor, ticket=market.ticket("BUY", "10.00", 100), now=clock.now())
        taken = 0

        def move(amount: int) -> None:
            """Unless the matcher has the balance locked."""
            nonlocal taken
            with suppress(OperationalError), unit_of_work():
                run_sql("SET LOCAL lock_timeout = '200ms'")
                run_sql("UPDATE ledger_balance SET held = held + %s WHERE account_id = %s", [amount, bob.cash])
                taken += amount

        def contend(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            if "UPDATE dex_sequencer SET last_seq" in str(sql):
                others.submit(apart, lambda: move(1)).result()
            if "FROM ledger_balance WHERE account_id" in str(sql) and taken:
                others.submit(apart, lambda: move(-taken)).result()
            return execute(sql, params, many, context)

        market.lead()
        with ThreadPoolExecutor(1) as others, connection.execute_wrapper(contend):
            market.match()
        move(-taken)
        assert order_view(order.order_id).status == "OPEN"
        assert bob.has()[3] == 1000 * 100 * CENT
        assert fold_check() == []


@pytest.mark.usefixtures("market")
class TestLeadingAgain:
    def test_keeps_no_book_of_before(self, market: Market) -> None:
        """The collector is spared the books; those of a leadership that ended must not stay for ever."""
        alice = market.trader(units=3000)
        market.record([(alice, "SELL", 1000, 1)] * 2000)
        market.match()
        frozen = []
        for _ in range(3):
            market.lead().lead(market._leadership)
            frozen.append(gc.get_freeze_count())
        assert max(frozen) - frozen[0] < 1000


@pytest.mark.usefixtures("market")
class TestWaitingForAVerdict:
    def place(self, market: Market, who: Trader) -> CommandReceipt:
        return place_order(actor=who.actor, ticket=market.ticket("SELL", "10.00", 1), now=clock.now())

    def waited(self, market: Market, receipt: CommandReceipt) -> tuple[float, CommandReceipt]:
        """Wait on a connection of its own, as a web thread does, while the matcher decides here."""
        started = threading.Event()

        def wait() -> tuple[float, CommandReceipt]:
            started.set()
            began = time.monotonic()
            found = VerdictWaiter.of_process().decided(receipt, PATIENCE)
            return time.monotonic() - began, found

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(apart, wait)
            started.wait(PATIENCE)
            time.sleep(0.5)
            market.match()
            return waiting.result(PATIENCE * 2)

    def test_goes_on_after_the_database_dropped_every_listener(self, market: Market) -> None:
        alice = market.trader(units=10)
        seconds, found = self.waited(market, self.place(market, alice))
        assert (found.decided, seconds < 5) == (True, True)
        dropped = fetch_all(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%%'"
        )
        assert dropped
        deadline = time.monotonic() + 5
        while VerdictWaiter.of_process()._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        seconds, found = self.waited(market, self.place(market, alice))
        assert (found.decided, seconds < 5) == (True, True)


@pytest.mark.usefixtures("market")
class TestMemory:
    def test_of_orders_that_ended_is_bounded(self, market: Market) -> None:
        """Order ids are made fresh and unique in the store: the matcher in memory need not keep them for ever."""
        market.restart()
        market.lead(remembered=100)
        alice = market.trader(units=1000)
        for _ in range(4):
            market.record([(alice, "SELL", 1000, 1)] * 20 + [(alice, "BUY", 1, 1)] * 80)
            market.match()
        matcher = market.lead()._books[market.isin].matcher
        assert len(matcher.book) >= 80
        assert matcher.ids_remembered <= 100 + len(matcher.book) + 100
