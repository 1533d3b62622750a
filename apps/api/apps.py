"""Django application."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "apps.api"

    def ready(self) -> None:
        from apps.api import health, processes, sessions
        from apps.core.registry import registry

        registry.health_check("database", health.database, required=True)
        registry.health_check("migrations", health.Migrations())
        registry.health_check("cache", health.redis_cache)
        registry.health_check("engines", health.engines)
        registry.metric("sessions", sessions.METRICS, sessions.measure)
        registry.metric("web", processes.METRICS, processes.measure, reads_database=False)
