"""Django application."""

from django.apps import AppConfig


class IssuanceConfig(AppConfig):
    name = "apps.issuance"

    def ready(self) -> None:
        from apps.issuance.registrations import register

        register()
