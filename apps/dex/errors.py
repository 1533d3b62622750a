"""Refusals of the exchange."""

from typing import Any

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class UnknownOrder(NotFound):
    """No such order, or another party's."""

    code, message = "unknown_order", "There is no such order."


class OrderDone(Conflict):
    """The order no longer rests: it was filled, canceled or rejected before."""

    code, message = "order_done", "The order is no longer open, so there is nothing to cancel."


class DuplicateCommand(Conflict):
    """A used client id came back with other content."""

    code = "duplicate_command"
    message = "This client id was used before for another command: choose a new one."


class InvalidPrice(InvalidValue):
    """Not a multiple of the tick, or out of range."""

    code, message = "invalid_price", "The price must be a positive multiple of the security's tick."


class InvalidQuantity(InvalidValue):
    """Not a multiple of the lot, or out of range."""

    code = "invalid_quantity"
    message = "The quantity must be a multiple of the security's lot, within its minimum and maximum."


class SecurityHalted(Conflict):
    """The security does not trade now."""

    code, message = "security_not_active", "The security is not open for trading."


class InsufficientAvailable(DomainError):
    """The order would hold more than is available."""

    code, kind = "insufficient_balance", Kind.UNPROCESSABLE
    message = "What is available does not cover this order."


class OrderRejected(DomainError):
    """The matcher rejected the order for another reason."""

    code, kind, message = "order_rejected", Kind.UNPROCESSABLE, "The order was rejected: see the reason."


_BY_REASON: dict[str, type[DomainError]] = {
    "INVALID_PRICE": InvalidPrice,
    "INVALID_QUANTITY": InvalidQuantity,
    "INSUFFICIENT_FUNDS": InsufficientAvailable,
    "INSUFFICIENT_POSITION": InsufficientAvailable,
    "SECURITY_NOT_ACTIVE": SecurityHalted,
    "UNKNOWN_ORDER": OrderDone,
}


_WORDS = {
    "INSUFFICIENT_FUNDS": "The cash available does not cover this order.",
    "INSUFFICIENT_POSITION": "The position available does not cover this order.",
}


def rejection(reason: str, **details: Any) -> DomainError:
    """The business error of a matcher's verdict."""
    return _BY_REASON.get(reason, OrderRejected)(_WORDS.get(reason, ""), reason=reason, **details)
