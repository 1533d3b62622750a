"""Test support: a market with funded investors, and the matcher stepped by hand. Not imported by the product."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_of
from apps.compliance.testing import eligible_investor
from apps.core import clock
from apps.core.actor import Actor
from apps.core.daemon import Leadership, elect
from apps.core.db import unit_of_work
from apps.core.ids import new_id
from apps.dex.engines.matcher import Matcher
from apps.dex.models import Command, Inbox
from apps.dex.sequencing.books import REMEMBERED
from apps.dex.services.orders import SHARD
from apps.dex.types import CommandKind, OrderTicket, OrderType
from apps.ledger.selectors.balances import balances
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.assets import register_asset
from apps.ledger.services.transfers import transfer_many
from apps.ledger.types import AccountKey, AccountKind, Transfer, TransferKind
from apps.securities.tests.factories import make_security
from apps.securities.types import SecurityView

_numbers = count(1)
CENT = 10_000  # base units of a cash asset of six decimals


@dataclass(frozen=True, slots=True)
class Trader:
    """An investor of the market."""

    user: User
    actor: Actor
    wallet: str
    position: UUID
    cash: UUID

    def has(self) -> tuple[int, int, int, int]:
        """(position settled, held, cash settled, held) in base units."""
        found = balances([self.position, self.cash])
        return (
            found[self.position].posted,
            found[self.position].held,
            found[self.cash].posted,
            found[self.cash].held,
        )


class Market:
    """One active security, and traders with money and units."""

    def __init__(self) -> None:
        self.security: SecurityView = make_security()
        self.isin = self.security.isin
        self.cash_asset = self.security.terms.cash_asset
        with unit_of_work():
            register_asset(self.isin, self.security.quantity_decimals)
            register_asset(self.cash_asset, self.security.terms.cash_decimals)
        self._matcher: Matcher | None = None
        self._leadership: Leadership

    def trader(self, *, units: int = 0, cash: int = 0) -> Trader:
        """An eligible investor with `units` of the security and `cash` whole units of cash."""
        wallet = f"0x{next(_numbers):040x}"
        user = eligible_investor(self.isin, wallet=wallet)
        position, money = (
            AccountKey(self.isin, AccountKind.POSITION, wallet),
            AccountKey(self.cash_asset, AccountKind.CASH, wallet),
        )
        sources = AccountKey(self.isin, AccountKind.ISSUANCE), AccountKey(self.cash_asset, AccountKind.EXTERNAL)
        with unit_of_work():
            ids = ensure_accounts(keys={position, money, *sources})
            grants = [(sources[0], position, units), (sources[1], money, cash * 100 * CENT)]
            transfer_many([_grant(ids[a], ids[b], amount) for a, b, amount in grants if amount])
        return Trader(user, actor_of(user), wallet, ids[position], ids[money])

    def ticket(self, side: str, price: str, quantity: int, *, tif: str = "GTC", client_id: str = "") -> OrderTicket:
        """An order with an id of its own."""
        return OrderTicket(
            client_order_id=client_id or f"order-{next(_numbers)}",
            isin=self.isin,
            side=side,
            price=price,
            quantity=str(quantity),
            time_in_force=tif,
        )

    def record(self, orders: Iterable[tuple[Trader, str, int, int]]) -> None:
        """Record many orders (who, side, price in cents, quantity) at once, as the API would one by one."""
        now = clock.now()
        commands = [
            Command(
                kind=CommandKind.NEW,
                shard=SHARD,
                party_id=who.actor.require_party(),
                client_command_id=f"recorded-{next(_numbers)}",
                fingerprint="recorded",
                isin=self.isin,
                order_id=new_id(),
                side=side,
                order_type=OrderType.LIMIT,
                time_in_force="GTC",
                price=cents * CENT,
                quantity=quantity,
                wallet_address=who.wallet,
                position_account_id=who.position,
                cash_account_id=who.cash,
                received_at=now,
            )
            for who, side, cents, quantity in orders
        ]
        with unit_of_work():
            recorded = Command.objects.bulk_create(commands)
            Inbox.objects.bulk_create([Inbox(command_id=command.pk, shard=SHARD) for command in recorded])

    def lead(self, remembered: int = REMEMBERED) -> Matcher:
        """The market's matcher, elected and loaded."""
        if self._matcher is None:
            leadership = elect("matcher")
            if leadership is None:
                raise RuntimeError("another matcher leads")
            self._matcher = Matcher(remembered=remembered)
            self._matcher.lead(leadership)
            self._leadership = leadership
        return self._matcher

    def match(self) -> None:
        """Have a matcher decide all that waits."""
        matcher = self.lead()
        while matcher.step(self._leadership, clock.now()):
            pass

    def restart(self) -> None:
        """The next match() is another matcher's, with nothing in memory."""
        self._matcher = None


def _grant(debit: UUID, credit: UUID, amount: int) -> Transfer:
    key = f"grant:{next(_numbers)}"
    return Transfer(key, debit, credit, amount, TransferKind.CORRECTION, key, clock.now())
