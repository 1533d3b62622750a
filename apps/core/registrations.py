"""What core registers with its own registry."""

from apps.core.registry import registry


def register() -> None:
    """Engines of the floor, the alerts' first channel, whether workers work, and what the floor measures."""
    from apps.core import alerts, broker_queues, measures
    from apps.core.db import constraint_error
    from apps.core.relay import Relay
    from apps.core.services.workers import workers_health
    from apps.core.sweeper import Sweeper
    from apps.core.watchman import Watchman
    from apps.core.webhooks.errors import WebhookSeen
    from apps.core.webhooks.metrics import METRICS, read_metrics
    from apps.core.webhooks.worker import WebhookWorker

    registry.engine("relay", Relay)
    registry.engine("sweeper", Sweeper)
    registry.engine("watchman", Watchman)
    registry.engine("webhooks", WebhookWorker)
    registry.consumer("core.alert_log", {alerts.RAISED, alerts.ESCALATED, alerts.RESOLVED}, alerts.log_alert)
    registry.metric("alerts", [alerts.OPEN], alerts.measure)
    registry.health_check("workers", workers_health)
    measures.register()
    registry.metric("broker", broker_queues.METRICS, broker_queues.read_metrics, reads_database=False)
    registry.metric("webhooks", METRICS, read_metrics)
    constraint_error("inbound_webhook_once", WebhookSeen)
