"""What the sequencer may ask of the matcher."""

from dataclasses import dataclass
from uuid import UUID

from .enums import SelfTradePrevention, Side, TimeInForce

OrderId = str | int | UUID
"""Unique in the shard for ever. One type throughout; str and int hash fastest."""

PartyKey = str | int | UUID
"""The beneficial owner: who may cancel, and whom self-trade prevention protects."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A limit order; `price` and `quantity` in base units as in Instrument.

    A bad price or quantity is a business fact and gets a verdict; a code that is no member of
    its enum is a fault of the caller and raises TypeError here.
    """

    order_id: OrderId
    party_key: PartyKey
    side: Side
    price: int
    quantity: int
    time_in_force: TimeInForce = TimeInForce.GTC
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NEWEST

    def __post_init__(self) -> None:
        _require(self.side, Side)
        _require(self.time_in_force, TimeInForce)
        _require(self.self_trade_prevention, SelfTradePrevention)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Withdraw the unfilled part of `order_id`; only its owner may (R8)."""

    order_id: OrderId
    party_key: PartyKey


Command = NewOrder | Cancel


def _require(value: object, kind: type) -> None:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not a {kind.__name__}")
