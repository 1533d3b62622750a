"""Price-time matching of one instrument, in memory, by one writer."""

from collections.abc import Iterable

from .book import Book, Level, LiveOrder, RestingOrder
from .commands import Cancel, Command, NewOrder, OrderId
from .enums import (
    BUY,
    CANCELED,
    FILLED,
    IOC,
    NEWEST,
    OPEN,
    PARTIAL,
    REJECTED,
    REQUESTED,
    SELF_TRADE,
    TIME_IN_FORCE,
    UNKNOWN_ORDER,
    CancelReason,
    OrderStatus,
    RejectCode,
    SelfTradePrevention,
    Side,
)
from .errors import CorruptBook
from .holds import released_on_fill, required_hold
from .instrument import Instrument
from .results import Fill, LevelChange, OrderChange, Result, record

_Trading = tuple[tuple[Fill, ...], tuple[OrderChange, ...], tuple[LevelChange, ...], CancelReason | None]
"""What an incoming order met: fills, makers, levels, and the reason that ended it, if one did."""

_NO_TRADING: _Trading = ((), (), (), None)


class Matcher:
    """Applies commands to the book of one instrument.

    Deterministic: results and book depend on nothing but the commands and their order. A refused
    command changes nothing. Nothing is ever undone: after any exception, and when the batch the
    commands came in does not commit, drop the matcher and `load` another from the stored orders.

    Every order id that got a verdict is remembered (some 100 bytes each) and not taken again until
    `forget_ended`; `load` starts with the ids it is given, so uniqueness for ever is the store's to keep.

    Applying commands makes no reference cycles, only dropping a matcher does: an engine gains a
    third and more by `gc.freeze()` after `load` and a high `gc.set_threshold`, and loses nothing.
    """

    __slots__ = ("_used_ids", "book", "instrument")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.book = Book()
        self._used_ids: set[OrderId] = set()

    @classmethod
    def load(
        cls,
        instrument: Instrument,
        open_orders: Iterable[RestingOrder],
        used_ids: Iterable[OrderId] = (),
    ) -> "Matcher":
        """A matcher whose book holds `open_orders`, given in priority within each price.

        That is the order of the commands which gave them their place. Minimum and maximum are
        entry rules and not asked again; a tick or lot may therefore only change while nothing
        rests off the new one. Raises CorruptBook.
        """
        matcher = cls(instrument)
        matcher._used_ids.update(used_ids)
        for order in open_orders:
            matcher._restore(order)
        bid, ask = matcher.book.best_bid(), matcher.book.best_ask()
        if bid is not None and ask is not None and bid >= ask:
            raise CorruptBook(f"the book is crossed: bid {bid}, ask {ask}")
        return matcher

    @property
    def ids_remembered(self) -> int:
        """How many order ids would be refused as duplicates."""
        return len(self._used_ids)

    def forget_ended(self) -> None:
        """Remember the ids of open orders only, as after `load`: memory is bounded by the book."""
        self._used_ids = set(self.book.orders)

    def apply(self, command: Command) -> Result:
        """Judge and carry out one command. A refusal is a Result with a code, not an exception."""
        if isinstance(command, NewOrder):
            code = self._refusal_of_order(command)
            return self._enter(command) if code is None else self.reject(command, code)
        if isinstance(command, Cancel):
            order = self._own_order(command)
            return self.reject(command, UNKNOWN_ORDER) if order is None else self._cancel(order)
        raise TypeError(f"{type(command).__name__} is not a command")

    def refusal(self, command: Command) -> RejectCode | None:
        """The code `apply` would reject `command` with now, or None. Changes nothing.

        Raises TypeError for what is no command.
        """
        if isinstance(command, NewOrder):
            return self._refusal_of_order(command)
        if isinstance(command, Cancel):
            return UNKNOWN_ORDER if self._own_order(command) is None else None
        raise TypeError(f"{type(command).__name__} is not a command")

    def reject(self, command: Command, code: RejectCode) -> Result:
        """The result of refusing `command`, for the sequencer's reasons too: its order id is used up."""
        if not isinstance(command, NewOrder) or command.order_id in self._used_ids:
            return Result(command.order_id, command.party_key, code)
        self._used_ids.add(command.order_id)
        change = OrderChange(
            command.order_id, command.party_key, command.side, command.price, REJECTED, 0, 0, 0, 0, None
        )
        return Result(command.order_id, command.party_key, code, orders=(change,))

    def _refusal_of_order(self, order: NewOrder) -> RejectCode | None:
        """R9 and R10, in that order."""
        if order.order_id in self._used_ids:
            return RejectCode.DUPLICATE_ID
        terms = self.instrument
        quantity, price = order.quantity, order.price
        if type(quantity) is not int or quantity % terms.lot:
            return RejectCode.INVALID_QUANTITY
        if not terms.min_quantity <= quantity <= terms.max_quantity:
            return RejectCode.INVALID_QUANTITY
        if type(price) is not int or price % terms.tick or not 0 < price <= terms.max_price:
            return RejectCode.INVALID_PRICE
        return None

    def _own_order(self, command: Cancel) -> LiveOrder | None:
        """R8: unknown, done and foreign look alike."""
        order = self.book.orders.get(command.order_id)
        return order if order is not None and order.party_key == command.party_key else None

    def _enter(self, command: NewOrder) -> Result:
        order_id, party_key, quantity = command.order_id, command.party_key, command.quantity
        self._used_ids.add(order_id)
        taker = LiveOrder(order_id, party_key, command.side, command.price, quantity, 0, quantity)
        fills, makers, levels, ended = self._match(taker, command.self_trade_prevention)
        if taker.remaining and ended is None:
            if command.time_in_force is IOC:
                ended = TIME_IN_FORCE
            else:
                levels += (self.book.add(taker).change(),)
        if fills or ended is not None:
            change = self._taker_change(taker, ended, fills)
        else:
            change = _change(taker, OPEN, 0, None)
        orders = makers + (change,)  # noqa: RUF005 - half the time
        return record(Result, (order_id, party_key, None, fills, orders, levels))

    def _match(self, taker: LiveOrder, mode: SelfTradePrevention) -> _Trading:
        """R1: the best level within the limit first."""
        book = self.book
        opposite = book.asks if taker.side is BUY else book.bids
        level = opposite.best_within(taker.price)
        if level is None:
            return _NO_TRADING
        fills: list[Fill] = []
        makers: list[OrderChange] = []
        levels: list[LevelChange] = []
        ended = None
        while level is not None and ended is None:
            before = level.quantity
            ended = self._match_level(taker, level, mode, fills, makers)
            if level.quantity != before:
                levels.append(level.change())
            level = opposite.best_within(taker.price) if taker.remaining else None
        return tuple(fills), tuple(makers), tuple(levels), ended

    def _match_level(
        self,
        taker: LiveOrder,
        level: Level,
        mode: SelfTradePrevention,
        fills: list[Fill],
        makers: list[OrderChange],
    ) -> CancelReason | None:
        """R1 within a price: first come, first served. A reason ends what remains of the taker (R5)."""
        while taker.remaining and (maker := level.first) is not None:
            if maker.party_key == taker.party_key and mode is NEWEST:
                return SELF_TRADE
            fills.append(self._trade(taker, maker))
            makers.append(_change(maker, PARTIAL if maker.remaining else FILLED, 0, None))
        return None

    def _trade(self, taker: LiveOrder, maker: LiveOrder) -> Fill:
        """R2: at the maker's price, which is its limit, so none of the maker's hold comes free."""
        price = maker.price
        quantity = min(taker.remaining, maker.remaining)
        cash = self.instrument.cash_amount(price, quantity)
        taker.filled += quantity
        taker.remaining -= quantity
        self.book.execute(maker, quantity)
        return record(
            Fill,
            (maker.order_id, taker.order_id, maker.party_key, taker.party_key, taker.side, price, quantity, cash),
        )

    def _taker_change(self, taker: LiveOrder, ended: CancelReason | None, fills: tuple[Fill, ...]) -> OrderChange:
        """With what came free: to a buyer each fill's price improvement, and the hold of what was canceled."""
        released = 0
        for fill in fills if taker.side is BUY else ():
            released += released_on_fill(self.instrument, taker.side, taker.price, fill.price, fill.quantity)
        if ended is not None:
            return self._end(taker, ended, released)
        if not taker.remaining:
            return _change(taker, FILLED, released, None)
        return _change(taker, PARTIAL, released, None)

    def _cancel(self, order: LiveOrder) -> Result:
        level = self.book.remove(order)
        change = self._end(order, REQUESTED, 0)
        return record(Result, (order.order_id, order.party_key, None, (), (change,), (level.change(),)))

    def _end(self, order: LiveOrder, reason: CancelReason, released: int) -> OrderChange:
        """Cancel what remains of an order that is not in the book, or no longer."""
        released += required_hold(self.instrument, order.side, order.price, order.remaining)
        order.remaining = 0
        return _change(order, CANCELED, released, reason)

    def _restore(self, order: RestingOrder) -> None:
        terms = self.instrument
        if order.order_id in self.book.orders:
            raise CorruptBook(f"order {order.order_id} is loaded twice")
        if any(type(amount) is not int for amount in (order.price, order.quantity, order.filled, order.remaining)):
            raise CorruptBook(f"order {order.order_id} has an amount that is no integer")
        if order.price <= 0 or order.price % terms.tick or order.remaining % terms.lot:
            raise CorruptBook(f"order {order.order_id} is off the tick or the lot")
        if order.remaining <= 0 or order.filled < 0 or order.filled + order.remaining > order.quantity:
            raise CorruptBook(f"order {order.order_id} has impossible quantities")
        self._used_ids.add(order.order_id)
        live = LiveOrder(*order)
        live.side = Side(order.side)
        self.book.add(live)


def _change(order: LiveOrder, status: OrderStatus, released: int, reason: CancelReason | None) -> OrderChange:
    """What is neither filled nor remaining is canceled."""
    quantity, filled, remaining = order.quantity, order.filled, order.remaining
    return record(
        OrderChange,
        (
            order.order_id,
            order.party_key,
            order.side,
            order.price,
            status,
            filled,
            quantity - filled - remaining,
            remaining,
            released,
            reason,
        ),
    )
