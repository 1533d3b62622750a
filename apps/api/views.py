"""Health, readiness and metrics. Open: they tell nothing about anyone."""

import hmac
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from prometheus_client.exposition import choose_encoder
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.accepting import entries_for, preferred
from apps.api.errors import MetricsTokenRequired
from apps.api.health import RETRY_AFTER, readiness
from apps.api.metrics import as_json, scrape
from apps.api.serializers import HealthSerializer, MetricsSerializer, ReadinessSerializer
from apps.core.http.views import View
from apps.core.rate_limits import Bucket

JSON = "application/json"
FORMS = (JSON, "text/plain", "application/openmetrics-text")


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
        """Every part: 200 when ready or degraded, 503 with Retry-After when a required part fails.

        A part has two seconds to answer; probes within the same second share one answer.
        """
        found = readiness.get()
        checks = {
            name: {"ok": check.ok, "required": check.required, "detail": check.detail}
            for name, check in found.checks.items()
        }
        body = {"status": found.status, "failing": found.failing, "checks": checks}
        if found.status == "unavailable":
            return Response(body, status=503, headers={"Retry-After": str(RETRY_AFTER)})
        return Response(body)


class MetricsView(OpenView):
    """Metrics."""

    refuses = frozenset({401})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Where METRICS_TOKEN is set, refuse whoever does not bear it. Raises MetricsTokenRequired."""
        super().initial(request, *args, **kwargs)
        if settings.METRICS_TOKEN and not _bears(request, settings.METRICS_TOKEN):
            raise MetricsTokenRequired

    @extend_schema(
        operation_id="metrics",
        tags=["system"],
        responses={
            (200, JSON): MetricsSerializer,
            (200, "text/plain"): OpenApiResponse(str, description="The same in Prometheus' text format."),
        },
        auth=[],
    )
    def get(self, request: Request) -> Response | HttpResponse:
        """Numbers as JSON, or as Prometheus or OpenMetrics text where `Accept` prefers that. See docs/metrics.md.

        Where the operator has set METRICS_TOKEN it must be borne: `Authorization: Bearer <token>`.
        """
        found = scrape.get()
        accept = request.headers.get("Accept", "")
        form = preferred(accept, FORMS)
        if form is None or form == JSON:
            return Response({"metrics": as_json(found)})
        encode, content_type = choose_encoder(entries_for(accept, form))
        return HttpResponse(encode(found), content_type=content_type)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """The text is not one of DRF's renderers: what is refused is what we can say in no way at all."""
        if not force and preferred(request.headers.get("Accept", ""), FORMS) is None:
            raise exceptions.NotAcceptable
        return super().perform_content_negotiation(request, force=True)


def _bears(request: Request, token: str) -> bool:
    scheme, _, borne = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(borne.strip().encode(), token.encode())
