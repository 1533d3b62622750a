"""Trading terms, as the matching core wants them."""

from apps.dex.matching import Instrument
from apps.securities.types import SecurityView


def instrument_of(view: SecurityView) -> Instrument:
    """The matching core's instrument of a security."""
    return Instrument(
        tick=view.terms.tick,
        lot=view.terms.lot,
        min_quantity=view.terms.min_quantity,
        max_quantity=view.terms.max_quantity,
        quantity_scale=10**view.quantity_decimals,
    )
