"""Django application."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "apps.api"

    def ready(self) -> None:
        from functools import partial

        from apps.api import health, processes, sessions
        from apps.core.providers import watching
        from apps.core.registry import registry

        registry.health_check("database", health.database, required=True)
        registry.health_check("migrations", health.Migrations())
        registry.health_check("cache", health.redis_cache)
        registry.health_check("engines", health.engines)
        for name in registry.providers:
            registry.health_check(f"provider_{name}", partial(watching.health, name))
        registry.metric("providers", watching.METRICS, watching.samples)
        registry.metric("sessions", sessions.METRICS, sessions.measure)
        registry.metric("web", processes.METRICS, processes.measure, reads_database=False)
