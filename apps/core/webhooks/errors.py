"""Refusals of calls from outside."""

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class UnknownProvider(NotFound):
    """No such party is connected, or it is switched off."""

    code, message = "unknown_provider", "There is no such provider."


class BadSignature(DomainError):
    """No signature of the raw bytes by an active secret."""

    code, kind = "bad_signature", Kind.UNAUTHENTICATED
    message = "The signature is missing, or not one of these bytes by an active secret."


class StaleWebhook(BadSignature):
    """Signed too long ago, or in the future: a replay, or a wrong clock."""

    code, message = "stale_webhook", "The signed timestamp is too far from the present time."


class WebhookWithoutId(InvalidValue):
    """Signed, but nothing in it says which event it is."""

    code, message = "webhook_without_id", "The body does not have the fields that tell one event from another."


class WebhookSeen(Conflict):
    """The event has been taken already; the sender gets the answer it got then."""

    code, message = "webhook_seen", "This event has been taken already."
