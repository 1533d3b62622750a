"""What operators see of the breakers."""

from collections.abc import Iterator

from apps.core.metrics import Sample, counter, gauge
from apps.core.models import ProviderCircuit
from apps.core.registry import Health, registry
from apps.core.types import CircuitState

STATE = gauge("bookentry_provider_circuit", "1 for the state the service's breaker is in.", "provider", "state")
COUNTS = {
    "calls": counter("bookentry_provider_calls_total", "Tries sent to the service.", "provider"),
    "failed": counter("bookentry_provider_failures_total", "Tries that failed or were too slow.", "provider"),
    "rejected": counter("bookentry_provider_rejected_total", "Calls not sent, the breaker being open.", "provider"),
    "retried": counter("bookentry_provider_retries_total", "Tries that repeated another.", "provider"),
}
METRICS = (STATE, *COUNTS.values())


def health(name: str) -> Health:
    """Closed is well. The last error is its kind only."""
    row = ProviderCircuit.objects.filter(name=name).first()
    if row is None:
        return Health(ok=True, detail="closed", required=False)
    detail = f"{row.state.lower().replace('_', '-')} since {row.since:%Y-%m-%dT%H:%M:%SZ}"
    if row.last_error:
        detail += f", last failure {row.last_error}"
    return Health(ok=row.state == CircuitState.CLOSED, detail=detail, required=False)


def samples() -> Iterator[Sample]:
    """States and counts of the services that are registered."""
    rows = {row.name: row for row in ProviderCircuit.objects.filter(name__in=registry.providers)}
    for name in sorted(registry.providers):
        row = rows.get(name)
        for state in CircuitState.values:
            held = row.state if row else CircuitState.CLOSED
            yield STATE.sample(state == held, provider=name, state=state)
        for column, metric in COUNTS.items():
            yield metric.sample(getattr(row, column) if row else 0, provider=name)
