"""Identifiers we make ourselves."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): unique, and ordered by the time it was made."""
    return uuid_utils.compat.uuid7()
