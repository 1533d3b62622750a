"""What must hold before the first login."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

# RFC 7518, 3.2: an HS256 key is at least as long as its hash.
MIN_KEY_BYTES = 32


def token_key_is_long(**_asked: Any) -> list[CheckMessage]:
    """A short key can be guessed from one token."""
    if len(settings.JWT_SECRET_KEY.encode()) >= MIN_KEY_BYTES:
        return []
    hint = "Set JWT_SECRET_KEY to at least 32 random bytes."
    return [Error("JWT_SECRET_KEY is too short to sign access tokens.", hint=hint, id="accounts.E001")]
