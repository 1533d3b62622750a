"""Django application."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "apps.notifications"

    def ready(self) -> None:
        from apps.core.registry import registry
        from apps.notifications import consumers

        handlers = {
            "dex.order_filled": consumers.on_order_filled,
            "settlement.settled": consumers.on_settled,
            "settlement.failed": consumers.on_settlement_failed,
            "compliance.kyc_approved": consumers.on_kyc_approved,
        }
        for topic, handle in handlers.items():
            registry.consumer(f"notifications.{topic}", {topic}, handle)
