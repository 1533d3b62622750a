"""The floor's own tables: outbox, work, engines, kept answers."""

from django.contrib import admin

from apps.core.models import (
    Alert,
    CacheGeneration,
    EngineState,
    IdempotentRequest,
    InboundWebhook,
    OutboxEvent,
    OutboxPending,
    ProviderCircuit,
    RateCounter,
    ScheduledJob,
    WorkerHeartbeat,
    WorkItem,
)
from apps.core.officers import Code, Column, ReadOnlyAdmin


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """What somebody should look at, and what has passed. What to do about each is in docs/operations.md."""

    table = ("opened_at", "severity", "summary", "source", "count", "last_seen_at", "resolved_at")
    list_filter = ("severity", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("id", "dedup_key")


@admin.register(CacheGeneration)
class CacheGenerationAdmin(ReadOnlyAdmin):
    """When what is cached below a path was last made old."""

    table = ("path", "changed_at", "token")
    search_fields = ("path",)


@admin.register(EngineState)
class EngineAdmin(ReadOnlyAdmin):
    """Who leads each engine, and when it last showed that it lives."""

    table = ("name", "epoch", "pid", "host", "heartbeat_at", "last_error")
    search_fields = ("name",)


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyAdmin):
    """Answers kept for requests that may come again. What they say is sealed."""

    table = ("id", "created_at", "expires_at", "principal", "route", "key", "status")
    hidden = ("fingerprint", "answer")
    search_fields = ("id", "key", "principal")

    def column(self, name: str, *, in_list: bool) -> Column:
        return Code(name, short=in_list) if name in {"principal", "key"} else super().column(name, in_list=in_list)


@admin.register(InboundWebhook)
class InboundWebhookAdmin(ReadOnlyAdmin):
    """What outside parties told us, and who could not prove to be one. The work's state: Work items, by this id."""

    table = ("id", "received_at", "provider", "event_id", "signed_at", "processed_at", "refusal")
    hidden = ("body",)
    list_filter = ("provider", "refusal")
    search_fields = ("id", "event_id")


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """What rooms told each other."""

    table = ("id", "recorded_at", "topic", "key", "request_id")
    search_fields = ("id", "topic", "key", "request_id")


@admin.register(OutboxPending)
class OutboxPendingAdmin(ReadOnlyAdmin):
    """What is not dispatched yet, or given up."""

    table = ("event_id", "attempts", "dead_at")
    list_filter = (("dead_at", admin.EmptyFieldListFilter),)


@admin.register(ProviderCircuit)
class ProviderCircuitAdmin(ReadOnlyAdmin):
    """Breakers of outside services: all processes share a row."""

    table = ("name", "state", "since", "failures", "open_until", "last_error", "last_error_at", "calls", "failed")
    hidden = ("probe_token",)
    list_filter = ("state",)
    search_fields = ("name",)


@admin.register(RateCounter)
class RateCounterAdmin(ReadOnlyAdmin):
    """How often each caller asked while Valkey was away. Callers are hashes."""

    table = ("key", "previous", "current", "starts_at", "expires_at")
    search_fields = ("key",)


@admin.register(WorkItem)
class WorkItemAdmin(ReadOnlyAdmin):
    """Leased work. The lease's token stays with whoever holds it."""

    table = ("id", "created_at", "kind", "key", "state", "attempts", "run_at", "lease_until", "last_error")
    hidden = ("lease_token",)
    list_filter = ("state",)
    search_fields = ("id", "kind", "key")


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    """Which workers consume what the broker brings."""

    table = ("name", "pid", "beat_at", "busy_at")
    search_fields = ("name",)


@admin.register(ScheduledJob)
class ScheduledJobAdmin(ReadOnlyAdmin):
    """What beat has sent last."""

    table = ("name", "last_for", "sent_at")
    search_fields = ("name",)
