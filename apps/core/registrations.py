"""What core registers with its own registry."""

from apps.core.registry import registry


def register() -> None:
    """Engines of the floor, the alerts' first channel, and what the floor measures."""
    from apps.core import alerts, measures
    from apps.core.relay import Relay
    from apps.core.sweeper import Sweeper
    from apps.core.watchman import Watchman

    registry.engine("relay", Relay)
    registry.engine("sweeper", Sweeper)
    registry.engine("watchman", Watchman)
    registry.consumer("core.alert_log", {alerts.RAISED, alerts.ESCALATED, alerts.RESOLVED}, alerts.log_alert)
    registry.metric("alerts", [alerts.OPEN], alerts.measure)
    measures.register()
