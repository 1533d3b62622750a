"""Business refusals of accounts."""

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class InvalidCredentials(DomainError):
    """The username or the password is wrong, or the user is disabled: the answer never says which."""

    code, kind = "invalid_credentials", Kind.UNAUTHENTICATED
    message = "The username or password is wrong."


class InvalidToken(DomainError):
    """The access token is not one of ours, not meant for this, or past its time."""

    code, kind = "invalid_token", Kind.UNAUTHENTICATED
    message = "The access token is invalid or has expired: log in again."


class LoginsBusy(DomainError):
    """More logins at once than this process hashes passwords for."""

    code, kind = "logins_busy", Kind.UNAVAILABLE
    message = "Too many people are logging in at this moment: try again in a second."
    retry_after = 1


class UsernameTaken(Conflict):
    """Another user has this username."""

    code, message = "username_taken", "This username is taken."


class UnknownParty(NotFound):
    """No party has this id."""

    code, message = "unknown_party", "There is no such party."


class WeakPassword(InvalidValue):
    """The password breaks the policy (NIST SP 800-63B-4); `context.reasons` says how."""

    code, message = "weak_password", "This password is not acceptable."


class RoleNotForParty(InvalidValue):
    """COMPLIANCE and OPS belong to the platform's own party, the other roles to everyone else's."""

    code = "role_not_for_party"
    message = "COMPLIANCE and OPS are roles at the platform's own party, and only they are."


class UnknownTier(InvalidValue):
    """The security policy has no such tier of rate limits; `details.known` are those it has."""

    code, message = "unknown_tier", "There is no such tier of rate limits."


class UnknownCountry(InvalidValue):
    """Not a country of ISO 3166-1."""

    code, message = "unknown_country", 'A country is an ISO 3166-1 alpha-2 code, such as "US".'
