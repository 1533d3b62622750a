"""Django application."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "apps.api"

    def ready(self) -> None:
        from apps.api import health, metrics
        from apps.core import clock
        from apps.core.registry import registry

        registry.health_check("database", health.database)
        registry.health_check("migrations", health.migrations)
        registry.health_check("cache", health.redis_cache)
        registry.health_check("engines", lambda: health.engines(clock.now()))
        registry.metric("outbox", metrics.outbox_metrics)
        registry.metric("work", metrics.work_metrics)
        registry.metric("engines", lambda: metrics.engine_metrics(clock.now()))
