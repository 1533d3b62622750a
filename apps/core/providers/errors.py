"""What a caller of an outside service may meet beside httpx's own errors."""

import httpx

from apps.core.errors import DomainError, Kind


class CircuitOpen(DomainError):
    """The service failed so often that it is left alone for a while; nothing was sent."""

    code, kind = "provider_unavailable", Kind.UNAVAILABLE
    message = "An outside service does not answer: try again later."


class AnswerTooLong(httpx.TransportError):
    """The answer is longer than the policy allows; the rest was not read."""
