"""The one place that mints and reads access tokens (RFC 9068 shape, HS256)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import jwt
from django.conf import settings

from apps.accounts.errors import InvalidToken
from apps.core.ids import new_id

ALGORITHM = "HS256"
ISSUER = "bookentry"
AUDIENCE = "bookentry-api"
TYPE = "at+jwt"
REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp"]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and how many seconds it lives."""

    access: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose it is, and from which login."""

    user_id: UUID
    session_id: UUID


def mint_access_token(*, user_id: UUID, now: datetime) -> AccessToken:
    """A new token of a new login. It says who, never what they may do: roles are read at each request."""
    seconds = settings.SECURITY.authentication.access_token_seconds
    issued_at = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": str(new_id()),
        "iat": issued_at,
        "exp": issued_at + seconds,
    }
    signed = jwt.encode(claims, settings.JWT_SECRET_KEY, algorithm=ALGORITHM, headers={"typ": TYPE})
    return AccessToken(access=signed, expires_in=seconds)


def read_access_token(token: str) -> Claims:
    """The claims of a token. Raises InvalidToken for another algorithm, key, issuer, audience, type, or time."""
    try:
        decoded = jwt.decode_complete(
            token,
            settings.JWT_SECRET_KEY,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=settings.SECURITY.authentication.clock_leeway_seconds,
            options={"require": REQUIRED_CLAIMS, "strict_aud": True},
        )
        if decoded["header"].get("typ") != TYPE:
            raise InvalidToken
        claims = decoded["payload"]
        return Claims(user_id=UUID(claims["sub"]), session_id=UUID(claims["sid"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error
