"""The trading terms of one security."""

from dataclasses import dataclass, field

from apps.core.money import MAX_BASE_UNITS, cash_amount

from .errors import InvalidInstrument


@dataclass(frozen=True, slots=True)
class Instrument:
    """Trading terms, integers in base units.

    A price is cash base units for `quantity_scale` base units of the security (10**decimals of
    its token), so a fill costs `price * quantity / quantity_scale` cash base units. `tick * lot`
    is a multiple of `quantity_scale`, hence every fill of a valid order is whole.

    Raises InvalidInstrument.
    """

    tick: int
    lot: int
    min_quantity: int
    max_quantity: int
    quantity_scale: int
    max_price: int = field(init=False, compare=False)
    """The highest price at which max_quantity still costs an amount the books can hold."""

    def __post_init__(self) -> None:
        for name in ("tick", "lot", "min_quantity", "max_quantity", "quantity_scale"):
            value = getattr(self, name)
            if type(value) is not int or not 0 < value <= MAX_BASE_UNITS:
                raise InvalidInstrument(f"{name} must be a positive integer the books can hold")
        if self.tick * self.lot % self.quantity_scale:
            raise InvalidInstrument("tick * lot must be a multiple of quantity_scale")
        if self.max_quantity // self.lot * self.lot < self.min_quantity:
            raise InvalidInstrument("no multiple of lot lies between min_quantity and max_quantity")
        dearest = ((MAX_BASE_UNITS + 1) * self.quantity_scale - 1) // self.max_quantity
        object.__setattr__(self, "max_price", min(MAX_BASE_UNITS, dearest))
        if self.max_price < self.tick:
            raise InvalidInstrument("max_quantity at one tick exceeds what the books can hold")

    def cash_amount(self, price: int, quantity: int) -> int:
        """Cash base units that `quantity` costs at `price`. Raises InvalidValue, never rounds."""
        return cash_amount(price=price, quantity=quantity, quantity_scale=self.quantity_scale)
