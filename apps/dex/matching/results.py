"""What a command did: plain immutable facts, complete enough to write every row from."""

from typing import NamedTuple

from .commands import OrderId, PartyKey
from .enums import BUY, CancelReason, OrderStatus, RejectCode, Side, Verdict

record = tuple.__new__
"""Makes a NamedTuple of all its fields in order, at half the price of its own constructor."""


class Fill(NamedTuple):
    """One trade, at the resting order's price (R2)."""

    maker_id: OrderId
    taker_id: OrderId
    maker_key: PartyKey
    taker_key: PartyKey
    taker_side: Side
    price: int
    quantity: int
    cash_amount: int

    @property
    def buy_order_id(self) -> OrderId:
        return self.taker_id if self.taker_side is BUY else self.maker_id

    @property
    def sell_order_id(self) -> OrderId:
        return self.maker_id if self.taker_side is BUY else self.taker_id

    @property
    def buyer_key(self) -> PartyKey:
        return self.taker_key if self.taker_side is BUY else self.maker_key

    @property
    def seller_key(self) -> PartyKey:
        return self.maker_key if self.taker_side is BUY else self.taker_key


class OrderChange(NamedTuple):
    """The state of one order after a command.

    `filled`, `canceled` and `remaining` are totals over the order's life and add up to its
    quantity; a REJECTED order has 0 in all three. `hold_released` is what this command set free
    of the order's hold, cash base units for BUY and security base units for SELL; the fills'
    own share stays held, for settlement.
    """

    order_id: OrderId
    party_key: PartyKey
    side: Side
    price: int
    status: OrderStatus
    filled: int
    canceled: int
    remaining: int
    hold_released: int
    reason: CancelReason | None


class LevelChange(NamedTuple):
    """A price level after a command: absolute totals, both 0 when the level is gone."""

    side: Side
    price: int
    quantity: int
    order_count: int


class Result(NamedTuple):
    """The effect of one command; each tuple is in the order in which things happened.

    `orders` holds every order the command touched, makers first and the taker last; `levels`
    every price level whose total it changed.
    """

    order_id: OrderId
    party_key: PartyKey
    code: RejectCode | None
    fills: tuple[Fill, ...] = ()
    orders: tuple[OrderChange, ...] = ()
    levels: tuple[LevelChange, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return Verdict.ACCEPTED if self.code is None else Verdict.REJECTED

    @property
    def accepted(self) -> bool:
        return self.code is None
