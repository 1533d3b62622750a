"""Health, readiness, metrics, and the API's description. Open: they tell nothing about anyone."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.health import readiness
from apps.api.metrics import prometheus_text, read_metrics
from apps.api.serializers import HealthSerializer, MetricsSerializer, ReadinessSerializer
from apps.core.http.throttles import Throttled
from apps.core.http.views import View
from apps.core.rate_limits import Bucket


class OpenView(View):
    """Needs no login."""

    public = True
    authentication_classes: list[Any] = []
    throttle = Bucket.UNLIMITED


class HealthView(OpenView):
    """Liveness."""

    @extend_schema(operation_id="health", tags=["system"], responses=HealthSerializer, auth=[])
    def get(self, request: Request) -> Response:
        """The process lives; nothing else is asked."""
        return Response({"status": "ok"})


class ReadyView(OpenView):
    """Readiness."""

    @extend_schema(
        operation_id="ready", tags=["system"], responses={200: ReadinessSerializer, 503: ReadinessSerializer}, auth=[]
    )
    def get(self, request: Request) -> Response:
        """Every part: 200 when ready or degraded, 503 when a required part fails."""
        found = readiness()
        checks = {
            name: {"ok": check.ok, "required": check.required, "detail": check.detail}
            for name, check in found.checks.items()
        }
        status = 503 if found.status == "unavailable" else 200
        return Response({"status": found.status, "checks": checks}, status=status)


class MetricsView(OpenView):
    """Metrics."""

    @extend_schema(operation_id="metrics", tags=["system"], responses=MetricsSerializer, auth=[])
    def get(self, request: Request) -> Response | HttpResponse:
        """Numbers as JSON; as Prometheus text when `Accept` asks for text/plain or OpenMetrics."""
        accepts = request.headers.get("Accept", "")
        if "text/plain" in accepts or "openmetrics" in accepts:
            return HttpResponse(prometheus_text(), content_type="text/plain; version=0.0.4; charset=utf-8")
        return Response({"metrics": read_metrics()})

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Prometheus' Accept header names no JSON: never refuse it."""
        return super().perform_content_negotiation(request, force=True)


class SchemaView(Throttled, SpectacularAPIView):
    """The OpenAPI document."""


class DocsView(Throttled, SpectacularSwaggerView):
    """The document for people who try it out."""


class RedocView(Throttled, SpectacularRedocView):
    """The document for people who read it."""
