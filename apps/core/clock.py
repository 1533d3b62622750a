"""The one clock. Everything that needs the time is given it, or asks here."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, timezone-aware UTC."""
    return datetime.now(UTC)
