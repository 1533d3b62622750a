"""Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        from apps.core import task_context
        from apps.core.db.privileges import apply_privileges, apply_role_bounds
        from apps.core.registrations import register

        post_migrate.connect(apply_privileges, dispatch_uid="core_privileges")
        post_migrate.connect(apply_role_bounds, dispatch_uid="core_role_bounds")
        register()
        task_context.connect()
