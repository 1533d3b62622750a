"""Django application."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "apps.notifications"

    def ready(self) -> None:
        from apps.audit.services.watching import watch
        from apps.core.registry import registry
        from apps.notifications import consumers
        from apps.notifications.models import NotificationPreference, NotificationTemplate

        handlers = {
            "dex.order_filled": consumers.on_order_filled,
            "settlement.settled": consumers.on_settled,
            "settlement.failed": consumers.on_settlement_failed,
            "compliance.kyc_approved": consumers.on_kyc_approved,
        }
        for topic, handle in handlers.items():
            registry.consumer(f"notifications.{topic}", {topic}, handle)
        watch(NotificationTemplate, NotificationPreference)
