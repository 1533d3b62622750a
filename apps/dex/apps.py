"""Django application."""

from django.apps import AppConfig


class DexConfig(AppConfig):
    name = "apps.dex"
