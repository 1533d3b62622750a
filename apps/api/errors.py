"""Refusals of the system's own endpoints."""

from apps.core.errors import DomainError, Kind


class MetricsTokenRequired(DomainError):
    """The operator reserved the metrics for who bears METRICS_TOKEN."""

    code, kind = "metrics_token_required", Kind.UNAUTHENTICATED
    message = "Metrics need the operator's token: Authorization: Bearer <METRICS_TOKEN>."
