"""The engine that does what outside parties' calls ask for."""

import json
import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError

from apps.core import leases
from apps.core.daemon import Engine, Leadership
from apps.core.db import unit_of_work
from apps.core.leases import LeaseLost
from apps.core.models import InboundWebhook
from apps.core.registry import Webhook, registry
from apps.core.sealing import unseal
from apps.core.types import Lease
from apps.core.webhooks.intake import KIND, PURPOSE

log = logging.getLogger(__name__)

# Handlers only write rows: one that takes longer is dead, and the next one begins from where it began.
LEASE_SECONDS = 5
REFUSALS_KEPT = timedelta(days=30)
PURGE_EVERY, PURGE_LIMIT = timedelta(hours=1), 1000


class WebhookWorker(Engine):
    """Hands each call to the room that registered its provider: the effect and the work's end in one commit."""

    name = "webhooks"
    channels = (leases.CHANNEL,)

    def __init__(self) -> None:
        self._purged_at: datetime | None = None

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Handle one call; true if there was one."""
        if self._purged_at is None or now - self._purged_at >= PURGE_EVERY:
            purge_refusals(now=now)
            self._purged_at = now
        taken = leases.take(kind=KIND, now=now, seconds=LEASE_SECONDS)
        for lease in taken:
            handle(lease=lease, now=now)
        return bool(taken)


def handle(*, lease: Lease, now: datetime) -> None:
    """Have the call's room act on it. A failure is tried again later, and set aside at the last try."""
    try:
        with unit_of_work():
            row = InboundWebhook.objects.get(pk=lease.key)
            registry.webhooks[row.provider].handle(_as_seen(row))
            row.processed_at, row.body = now, None
            row.save(update_fields=["processed_at", "body"])
            leases.complete(lease=lease, now=now)
    except LeaseLost:
        log.warning("webhook took longer than its lease", extra={"work_id": str(lease.work_id)})
    except (OperationalError, InterfaceError):
        # The lease ends by itself, and counts.
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, it is counted, and tried again)
        # The kind alone: what it says may be the caller's data.
        told = {"work_id": str(lease.work_id), "error": type(error).__name__, "attempts": lease.attempts}
        log.warning("webhook failed", extra=told)
        leases.fail(lease=lease, error=type(error).__name__, now=now)


def _as_seen(row: InboundWebhook) -> Webhook:
    body = unseal(bytes(row.body or b""), purpose=PURPOSE, bound_to=row.pk.bytes)
    return Webhook(row.provider, str(row.event_id), json.loads(body), row.received_at)


def purge_refusals(*, now: datetime) -> int:
    """Forget old refusals, a bounded number at once; how many. What was taken is kept: it is what stops replays."""
    old = InboundWebhook.objects.filter(event_id=None, received_at__lt=now - REFUSALS_KEPT).order_by("received_at")
    deleted, _ = InboundWebhook.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:PURGE_LIMIT])).delete()
    return deleted
