"""Django application."""

from django.apps import AppConfig


class SettlementConfig(AppConfig):
    name = "apps.settlement"

    def ready(self) -> None:
        from apps.settlement.registrations import register

        register()
