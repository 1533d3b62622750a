"""The book of one instrument: resting orders by price, then by the time they got their place."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from . import canonical
from .commands import OrderId, PartyKey
from .enums import BUY, SELL, Side
from .results import LevelChange, record


class RestingOrder(NamedTuple):
    """An open order as it is stored and loaded; `remaining` <= `quantity` - `filled`."""

    order_id: OrderId
    party_key: PartyKey
    side: Side
    price: int
    quantity: int
    filled: int
    remaining: int


class Depth(NamedTuple):
    """L2: price levels of each side, best first."""

    bids: tuple[LevelChange, ...]
    asks: tuple[LevelChange, ...]


class LiveOrder:
    """An order while the matcher works on it, or while it rests: then also a link of its queue."""

    __slots__ = (
        "ahead",
        "behind",
        "filled",
        "level",
        "order_id",
        "party_key",
        "price",
        "quantity",
        "remaining",
        "side",
    )

    ahead: "LiveOrder | None"
    behind: "LiveOrder | None"
    level: "Level"

    def __init__(
        self,
        order_id: OrderId,
        party_key: PartyKey,
        side: Side,
        price: int,
        quantity: int,
        filled: int,
        remaining: int,
    ) -> None:
        self.order_id = order_id
        self.party_key = party_key
        self.side = side
        self.price = price
        self.quantity = quantity
        self.filled = filled
        self.remaining = remaining

    def at_rest(self) -> RestingOrder:
        return RestingOrder(
            self.order_id, self.party_key, self.side, self.price, self.quantity, self.filled, self.remaining
        )


class Level:
    """The queue at one price, first come first served.

    A linked list through the orders themselves: both ends and any cancel cost the same, and
    nothing dead stays behind.
    """

    __slots__ = ("digest", "first", "last", "order_count", "price", "quantity", "side")

    def __init__(self, side: Side, price: int) -> None:
        self.side = side
        self.price = price
        self.quantity = 0
        self.order_count = 0
        self.first: LiveOrder | None = None
        self.last: LiveOrder | None = None
        self.digest: str | None = None

    def __iter__(self) -> Iterator[LiveOrder]:
        order = self.first
        while order is not None:
            yield order
            order = order.behind

    def change(self) -> LevelChange:
        return record(LevelChange, (self.side, self.price, self.quantity, self.order_count))

    def append(self, order: LiveOrder) -> None:
        last = self.last
        order.level = self
        order.ahead, order.behind = last, None
        if last is None:
            self.first = order
        else:
            last.behind = order
        self.last = order
        self.order_count += 1
        self.quantity += order.remaining
        self.digest = None

    def unlink(self, order: LiveOrder) -> None:
        ahead, behind = order.ahead, order.behind
        if ahead is None:
            self.first = behind
        else:
            ahead.behind = behind
        if behind is None:
            self.last = ahead
        else:
            behind.ahead = ahead
        self.order_count -= 1
        self.quantity -= order.remaining
        self.digest = None

    def digested(self) -> str:
        """The queue's sha256; kept until the queue changes, so hashing costs what changed."""
        if self.digest is None:
            self.digest = sha256(canonical.queue_bytes(self)).hexdigest()
        return self.digest


class BookSide:
    """One side. `keys` ascend towards the best price: a bid's key is its price, an ask's its negative.

    The best level is thus last in the list, where adding and dropping levels moves least.
    """

    __slots__ = ("keys", "levels", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = 1 if side is BUY else -1
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def best(self) -> Level | None:
        return self.levels[self.keys[-1]] if self.keys else None

    def best_within(self, price: int) -> Level | None:
        """The best level, if an order of the other side limited to `price` may trade with it."""
        keys = self.keys
        if keys and keys[-1] >= price * self.sign:
            return self.levels[keys[-1]]
        return None

    def best_first(self) -> Iterator[Level]:
        return (self.levels[key] for key in reversed(self.keys))

    def open_level(self, price: int) -> Level:
        """A new level where there is none."""
        key = price * self.sign
        level = self.levels[key] = Level(self.side, price)
        insort(self.keys, key)
        return level

    def drop(self, level: Level) -> None:
        key = level.price * self.sign
        del self.levels[key]
        del self.keys[bisect_left(self.keys, key)]


class Book:
    """Both sides and an index by order id. Mutated only by the matcher."""

    __slots__ = ("asks", "bids", "orders")

    def __init__(self) -> None:
        self.bids = BookSide(BUY)
        self.asks = BookSide(SELL)
        self.orders: dict[OrderId, LiveOrder] = {}

    def __len__(self) -> int:
        return len(self.orders)

    def side(self, side: Side) -> BookSide:
        return self.bids if side is BUY else self.asks

    def add(self, order: LiveOrder) -> Level:
        """Rest `order` behind all others at its price."""
        side = self.bids if order.side is BUY else self.asks
        level = side.levels.get(order.price * side.sign) or side.open_level(order.price)
        level.append(order)
        self.orders[order.order_id] = order
        return level

    def remove(self, order: LiveOrder) -> Level:
        """Take out a resting order, with what remains of it, and its level once empty."""
        level = order.level
        del self.orders[order.order_id]
        level.unlink(order)
        if not level.order_count:
            self.side(level.side).drop(level)
        return level

    def execute(self, order: LiveOrder, quantity: int) -> None:
        """Fill `quantity` of a resting order; a wholly filled one leaves."""
        level = order.level
        order.filled += quantity
        order.remaining -= quantity
        level.quantity -= quantity
        level.digest = None
        if not order.remaining:
            self.remove(order)

    def best_bid(self) -> int | None:
        level = self.bids.best()
        return None if level is None else level.price

    def best_ask(self) -> int | None:
        level = self.asks.best()
        return None if level is None else level.price

    def depth(self, levels: int) -> Depth:
        """The best `levels` price levels of each side."""
        return Depth(_top(self.bids, levels), _top(self.asks, levels))

    def snapshot(self) -> tuple[RestingOrder, ...]:
        """Every open order: bids, then asks; best price first, then by place. `load` takes it back."""
        return tuple(
            order.at_rest() for side in (self.bids, self.asks) for level in side.best_first() for order in level
        )

    def canonical_bytes(self) -> bytes:
        """The book in one form: a line per level, best first, naming the digest of its queue."""
        levels = (level for side in (self.bids, self.asks) for level in side.best_first())
        return canonical.book_bytes((level.side, level.price, level.digested()) for level in levels)

    def hash(self) -> str:
        """sha256 of `canonical_bytes`, hex. Equal books, and only they, have equal hashes."""
        return sha256(self.canonical_bytes()).hexdigest()


def _top(side: BookSide, count: int) -> tuple[LevelChange, ...]:
    if count <= 0:
        return ()
    return tuple(side.levels[key].change() for key in reversed(side.keys[-count:]))
