"""Taking a call: proved, written down once with the work it asks for, and nothing done yet."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from apps.core import leases
from apps.core.db import unit_of_work
from apps.core.models import InboundWebhook
from apps.core.registry import registry
from apps.core.sealing import seal
from apps.core.webhooks.errors import BadSignature, UnknownProvider, WebhookSeen
from apps.core.webhooks.schemes import event_id_of, prove

log = logging.getLogger(__name__)

KIND = "webhook"
# Bodies are sealed until their effect is done: what identity providers send is about people.
PURPOSE = "inbound webhook"

Parse = Callable[[bytes], Mapping[str, Any]]


def receive(*, provider: str, headers: Mapping[str, str], body: bytes, parse: Parse, now: datetime) -> bool:
    """Take a provider's call; false if it was taken before. Its effect is work for the `webhooks` engine.

    The body is parsed once it is proved. Raises UnknownProvider, BadSignature, StaleWebhook, WebhookWithoutId.
    """
    policy, source = settings.SECURITY.webhooks.inbound.get(provider), registry.webhooks.get(provider)
    if policy is None or source is None or not policy.enabled:
        raise UnknownProvider
    secrets = [secret.reveal() for secret in (policy.secret, policy.next_secret) if secret.is_set]
    tolerance = timedelta(seconds=policy.tolerance_seconds)
    signed = prove(source.scheme, headers, body, secrets=secrets, tolerance=tolerance, now=now)
    row = InboundWebhook(
        provider=provider,
        event_id=event_id_of(source.scheme, signed, parse(body), body),
        signed_at=signed.signed_at,
        received_at=now,
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
    row.body = seal(body, purpose=PURPOSE, bound_to=row.pk.bytes)
    try:
        with unit_of_work():
            row.save(force_insert=True)
            leases.enqueue(kind=KIND, key=str(row.pk), now=now)
    except WebhookSeen:
        _note_another_body(row)
        return False
    return True


def record_refusal(*, provider: str, refusal: BadSignature, now: datetime) -> None:
    """Write down that someone called in a provider's name and could not prove it: when and why, never what."""
    with unit_of_work():
        InboundWebhook.objects.create(provider=provider, refusal=refusal.code, received_at=now)


def _note_another_body(row: InboundWebhook) -> None:
    seen = InboundWebhook.objects.filter(provider=row.provider, event_id=row.event_id)
    if not seen.filter(body_sha256=row.body_sha256).exists():
        log.warning("webhook came again with another body", extra={"provider": row.provider})
