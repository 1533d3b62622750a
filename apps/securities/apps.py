"""Django application."""

from django.apps import AppConfig


class SecuritiesConfig(AppConfig):
    name = "apps.securities"
