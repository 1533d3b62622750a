"""What an order sets aside: cash for a buy, the security itself for a sale.

Pure functions on base units. For every fill of an order,
`required_hold(quantity) == consumed_on_fill + released_on_fill`, without rounding.
"""

from .enums import SELL, Side
from .instrument import Instrument


def required_hold(instrument: Instrument, side: Side, price: int, quantity: int) -> int:
    """The hold of `quantity` at limit `price`: when placed, and what is left while it rests.

    Raises InvalidValue for a price or quantity that `Matcher.refusal` would refuse.
    """
    if side == SELL:
        return quantity
    return instrument.cash_amount(price, quantity)


def consumed_on_fill(instrument: Instrument, side: Side, fill_price: int, quantity: int) -> int:
    """The part of the hold a fill turns into a settlement obligation."""
    return required_hold(instrument, side, fill_price, quantity)


def released_on_fill(instrument: Instrument, side: Side, limit_price: int, fill_price: int, quantity: int) -> int:
    """The part of the hold a fill sets free: a buyer's price improvement, nothing for a seller."""
    if side == SELL:
        return 0
    return instrument.cash_amount(limit_price - fill_price, quantity)


def released_on_cancel(instrument: Instrument, side: Side, price: int, remaining: int) -> int:
    """The hold that ends with the unfilled part of an order."""
    return required_hold(instrument, side, price, remaining)
