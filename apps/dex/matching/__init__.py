"""The matching core of one instrument: pure, exact, deterministic. It imports no Django.

The sequencer, its one writer, uses it so:

    matcher = Matcher.load(instrument, open_orders)      # in priority within each price
    code = matcher.refusal(order)                        # shape, tick, lot, duplicates
    hold = required_hold(instrument, order.side, order.price, order.quantity)
    result = matcher.apply(order)                        # or matcher.reject(order, code) for lack
    journal(result_bytes(result)); record(matcher.book.hash())

A hold is placed for an accepted order only. From then on each OrderChange says what came free
(`hold_released`); what the fills consumed stays held until settlement. After an exception, or
when the batch does not commit, the matcher is dropped and loaded again. The rules cited as R1 to
R10: best price then place, maker's price, remainders, self-trade prevention, owner, id, tick and lot.
"""

from .book import Book, Depth, RestingOrder
from .canonical import result_bytes
from .commands import Cancel, Command, NewOrder, OrderId, PartyKey
from .enums import (
    CancelReason,
    OrderStatus,
    RejectCode,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Verdict,
)
from .errors import CorruptBook, InvalidInstrument
from .holds import consumed_on_fill, released_on_cancel, released_on_fill, required_hold
from .instrument import Instrument
from .matcher import Matcher
from .results import Fill, LevelChange, OrderChange, Result

__all__ = [
    "Book",
    "Cancel",
    "CancelReason",
    "Command",
    "CorruptBook",
    "Depth",
    "Fill",
    "Instrument",
    "InvalidInstrument",
    "LevelChange",
    "Matcher",
    "NewOrder",
    "OrderChange",
    "OrderId",
    "OrderStatus",
    "PartyKey",
    "RejectCode",
    "RestingOrder",
    "Result",
    "SelfTradePrevention",
    "Side",
    "TimeInForce",
    "Verdict",
    "consumed_on_fill",
    "released_on_cancel",
    "released_on_fill",
    "required_hold",
    "result_bytes",
]
