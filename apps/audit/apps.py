"""Django application."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apps.audit"

    def ready(self) -> None:
        from apps.audit.consumers import on_vault_event
        from apps.core.registry import registry
        from apps.vault.types import HOLD_PLACED, HOLD_RELEASED, SUBJECT_ERASED

        registry.consumer("audit.vault", {SUBJECT_ERASED, HOLD_PLACED, HOLD_RELEASED}, on_vault_event)
