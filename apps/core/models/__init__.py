"""The floor's own tables, a file per subject."""

from apps.core.models.alerts import Alert
from apps.core.models.cache import CacheGeneration
from apps.core.models.circuits import ProviderCircuit
from apps.core.models.engines import EngineState
from apps.core.models.idempotency import IdempotentRequest
from apps.core.models.inbound_webhooks import InboundWebhook
from apps.core.models.outbox import OutboxEvent, OutboxPending
from apps.core.models.rate_counters import RateCounter
from apps.core.models.work import WorkItem
from apps.core.models.workers import ScheduledJob, WorkerHeartbeat

__all__ = [
    "Alert",
    "CacheGeneration",
    "EngineState",
    "IdempotentRequest",
    "InboundWebhook",
    "OutboxEvent",
    "OutboxPending",
    "ProviderCircuit",
    "RateCounter",
    "ScheduledJob",
    "WorkItem",
    "WorkerHeartbeat",
]
