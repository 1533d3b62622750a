"""Django application."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "apps.reconciliation"

    def ready(self) -> None:
        from apps.reconciliation.registrations import register

        register()
