"""What one person may have sent, and what needs two."""

from django.conf import settings

from apps.chain.types import NewIntent

GWEI = 10**9


def needs_two_people(asked: NewIntent) -> bool:
    """Whether what it sends, in wei or in units of a token, is above its signer's four-eyes limit.

    One limit holds for all signers as yet.
    """
    return moves_much(asked.value, asked.units)


def moves_much(value: int, units: int | None) -> bool:
    """Whether so much, in wei or in units of a token, is above the four-eyes limit."""
    policy = settings.SECURITY.chain.sending
    return value > policy.four_eyes_gwei * GWEI or (units or 0) > policy.four_eyes_units
