"""Faults of the caller. Business refusals are never raised here: they are verdicts."""


class InvalidInstrument(ValueError):
    """The trading terms cannot guarantee whole cash amounts, or allow no quantity at all."""


class CorruptBook(ValueError):
    """The open orders to load are not a book this instrument could have reached."""
