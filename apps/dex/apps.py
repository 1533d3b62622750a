"""Django application."""

from django.apps import AppConfig


class DexConfig(AppConfig):
    name = "apps.dex"

    def ready(self) -> None:
        from apps.core.registry import registry
        from apps.dex.engines.matcher import Matcher
        from apps.dex.selectors.journal import journal_rows
        from apps.dex.selectors.metrics import METRICS, dex_metrics
        from apps.dex.types import BATCH_COMMITTED

        registry.engine("matcher", Matcher)
        registry.metric("dex", METRICS, dex_metrics)
        registry.named_row(BATCH_COMMITTED, journal_rows)
