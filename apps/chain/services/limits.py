"""What one person may have sent, and what needs two."""

from django.conf import settings

from apps.chain.types import NewIntent

GWEI = 10**9


def needs_two_people(asked: NewIntent) -> bool:
    """Whether what it sends, in wei or in units of a token, is above its signer's four-eyes limit.

    One limit holds for all signers as yet.
    """
    policy = settings.SECURITY.chain.sending
    return asked.value > policy.four_eyes_gwei * GWEI or (asked.units or 0) > policy.four_eyes_units
