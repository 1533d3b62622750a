"""Django application."""

from django.apps import AppConfig


class ChainConfig(AppConfig):
    name = "apps.chain"

    def ready(self) -> None:
        from apps.chain.registrations import register

        register()
