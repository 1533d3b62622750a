"""Django application."""

from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "apps.vault"

    def ready(self) -> None:
        from apps.vault.registrations import register

        register()
