"""Refusals of the rate limits."""

from apps.core.errors import DomainError, Kind


class RateLimited(DomainError):
    """More requests than the caller's limit allows; Retry-After says when there is room again."""

    code, kind = "rate_limited", Kind.TOO_MANY
    message = "You ask too often: wait as long as Retry-After says."


class LoginsClosed(DomainError):
    """Nobody can count the logins at this moment, and uncounted ones would let passwords be guessed."""

    code, kind, retry_after = "logins_closed", Kind.UNAVAILABLE, 1
    message = "Nobody can log in at this moment: try again shortly."
