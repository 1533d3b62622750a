"""Spike 2, kept: order commands survive a kill between every two statements while others move the same balances."""

import multiprocessing
import os
import random
from collections import Counter
from itertools import count
from multiprocessing.process import BaseProcess

import pytest
from django.db import connections

from apps.core import clock
from apps.core.db import fetch_all, unit_of_work
from apps.core.errors import DomainError
from apps.core.testing.wire import KillingProxy
from apps.dex.models import BookState, Command, Inbox, JournalEntry, Order, Sequencer, Trade, Verdict
from apps.dex.sequencing.replay import lines, replay_journal
from apps.dex.services.orders import cancel_order, place_order
from apps.dex.testing import CENT, Market, Trader
from apps.dex.tests import matching_process
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.fold import fold_check
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.transfers import transfer_many
from apps.ledger.types import AccountKey, AccountKind, Transfer, TransferKind
from apps.settlement.models import SettlementInstruction

fork = multiprocessing.get_context("fork")
PAUSE_SECONDS = 0.002  # of the other writer: it disturbs, and leaves the processor to who is disturbed


def queue_commands(market: Market, traders: list[Trader], number: int, seed: int) -> None:
    """Orders of both sides around one price, some too large, some canceled."""
    chance = random.Random(seed)
    placed: list[tuple[Trader, object]] = []
    for _ in range(number):
        if placed and chance.random() < 0.15:
            who, order_id = chance.choice(placed)
            cancel_id = f"cancel-{chance.getrandbits(64)}"
            cancel_order(actor=who.actor, order_id=order_id, now=clock.now(), client_cancel_id=cancel_id, patience=0)
            continue
        who = chance.choice(traders)
        price = f"{chance.randint(990, 1010) / 100:.2f}"
        ticket = market.ticket(
            chance.choice(["BUY", "SELL"]), price, chance.randint(1, 60), tif=chance.choice(["GTC", "GTC", "IOC"])
        )
        placed.append((who, place_order(actor=who.actor, ticket=ticket, now=clock.now()).order_id))


def disturb(market: Market, traders: list[Trader], stop: object) -> None:
    """Another writer: cash comes and goes on the accounts the matcher holds on."""
    external = AccountKey(market.cash_asset, AccountKind.EXTERNAL)
    chance, numbers = random.Random(7), count()
    with unit_of_work():
        source = ensure_accounts(keys={external})[external]
    while not stop.wait(PAUSE_SECONDS):
        account, amount = chance.choice(traders).cash, chance.randint(1, 400) * 100 * CENT
        ends = (source, account) if chance.random() < 0.5 else (account, source)
        key = f"disturb:{os.getpid()}:{next(numbers)}"
        try:
            with unit_of_work():
                transfer_many([Transfer(key, *ends, amount, TransferKind.CORRECTION, key, clock.now())])
        except DomainError:
            continue
    os._exit(0)


def started(target: object, *args: object) -> BaseProcess:
    """A forked process. The parent's connections are closed first: a shared socket would serve neither."""
    connections.close_all()
    process = fork.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def run_until_killed(at: int, *, forward: bool, batch: int) -> bool:
    """One matcher run, killed at its message number `at`; false if it ended by itself before."""
    settings = connections.settings["default"]
    upstream = (settings["HOST"], int(settings["PORT"]))
    running: list[BaseProcess] = []
    with KillingProxy(upstream, lambda: running[0].pid, at=at, forward=forward) as proxy:
        running.append(matching_process.started(port=proxy.port, batch=batch))
        running[0].join(30)
        assert running[0].exitcode in ((-9,) if proxy.killed else (0,)), running[0].exitcode
        return proxy.killed


def held_by_orders_and_trades() -> Counter:
    """What every account must hold: the unfilled part of open orders, and both legs of unsettled trades."""
    held: Counter = Counter()
    for order in Order.objects.open():
        remaining = order.quantity - order.filled
        if order.side == "BUY":
            held[order.cash_account_id] += order.price * remaining
        else:
            held[order.position_account_id] += remaining
    for leg in LedgerTransfer.objects.filter(state="PENDING"):
        held[leg.debit_account_id] += leg.amount
    return held


def verify(market: Market) -> None:
    """Nothing lost, nothing doubled, nothing negative."""
    commands = set(Command.objects.values_list("pk", flat=True))
    assert not Inbox.objects.exists()
    assert set(Verdict.objects.values_list("command_id", flat=True)) == commands
    assert Order.objects.count() == Command.objects.filter(kind="NEW").count()
    journalled = [pk for entry in JournalEntry.objects.order_by("seq") for pk, _ in lines(entry)]
    assert sorted(journalled) == sorted(commands)
    assert fold_check() == []
    stored = {
        pk: int(held) for pk, held in fetch_all("SELECT account_id::text, held FROM ledger_balance WHERE held <> 0")
    }
    assert stored == {str(pk): amount for pk, amount in held_by_orders_and_trades().items() if amount}
    assert fetch_all("SELECT account_id FROM ledger_balance WHERE NOT control AND posted < held") == []
    trades = Trade.objects.count()
    assert trades > 0
    assert LedgerTransfer.objects.filter(source_ref__startswith="trade:", state="PENDING").count() == 2 * trades
    assert SettlementInstruction.objects.count() == trades
    report = replay_journal("main")
    assert report.fault is None
    assert report.commands == len(commands)
    assert report.last_hash == Sequencer.objects.get().last_hash
    assert report.book_hashes == dict(BookState.objects.values_list("isin", "book_hash"))


def survive(number: int, batch: int, *, last_message: int, both_ways: bool) -> int:
    """Kill matcher after matcher at message 1, 2, 3 ...; the number of kills."""
    market = Market()
    traders = [market.trader(units=500, cash=5_000) for _ in range(6)]
    queue_commands(market, traders, number, seed=number)
    stop = fork.Event()
    disturber = started(disturb, market, traders, stop)
    kills = 0
    try:
        for at in range(1, last_message + 1):
            for forward in (False, True) if both_ways else (bool(at % 2),):
                kills += run_until_killed(at, forward=forward, batch=batch)
        while Inbox.objects.exists():
            assert not run_until_killed(10**9, forward=True, batch=batch)
    finally:
        stop.set()
        disturber.join(10)
    assert disturber.exitcode == 0
    verify(market)
    return kills


@pytest.mark.usefixtures("books")
class TestACrash:
    def test_between_any_two_statements_loses_and_doubles_nothing(self) -> None:
        assert survive(240, batch=20, last_message=52, both_ways=False) > 40


@pytest.mark.soak
@pytest.mark.usefixtures("books")
class TestThousandCommands:
    def test_killed_between_every_two_statements_lose_and_double_nothing(self) -> None:
        assert survive(1000, batch=25, last_message=110, both_ways=True) > 100
