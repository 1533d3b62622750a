"""Calls from outside parties: proved by a signature, written down once, handled by the room that registered them."""

from apps.core.webhooks.intake import receive, record_refusal
from apps.core.webhooks.schemes import ONFIDO, STANDARD_WEBHOOKS, Scheme

__all__ = ["ONFIDO", "STANDARD_WEBHOOKS", "Scheme", "receive", "record_refusal"]
