"""The API described: the OpenAPI document, two readers of it, and what errors mean. Everything is served from here."""

import json
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.api.accepting import preferred
from apps.api.redoc import redoc_script
from apps.core.http.codes import FIELD_CODES, all_codes
from apps.core.http.serializers import StrictSerializer, read_query
from apps.core.http.views import View

YAML, JSON = "application/yaml", "application/json"
# Older names of the two, by what clients ask for.
FORMS = {
    YAML: "yaml",
    JSON: "json",
    "application/vnd.oai.openapi": "yaml",
    "application/vnd.oai.openapi+json": "json",
}


class DocumentQuerySerializer(StrictSerializer):
    """For whoever cannot send Accept, such as a link."""

    format = serializers.ChoiceField(choices=["json", "yaml"], required=False, help_text="Instead of Accept.")


class DocumentationView(View):
    """Public, and no JSON in our envelope: whatever is asked for, this is what there is."""

    public = True
    authentication_classes: list[Any] = []

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Nothing to negotiate: a refusal is still answered in JSON."""
        return super().perform_content_negotiation(request, force=True)


class DocumentView(DocumentationView):
    """The document."""

    reads_query = True

    @extend_schema(
        operation_id="get_openapi_document",
        tags=["system"],
        parameters=[DocumentQuerySerializer],
        responses={
            (200, YAML): OpenApiResponse(str, description="An OpenAPI 3.1 document."),
            (200, JSON): OpenApiResponse({"type": "object", "additionalProperties": {}}),
        },
        auth=[],
    )
    def get(self, request: Request) -> HttpResponse:
        """This document, as YAML or as JSON."""
        asked = read_query(request, DocumentQuerySerializer).get("format")
        accepted = preferred(request.headers.get("Accept", ""), tuple(FORMS)) or YAML
        form = asked or FORMS[accepted]
        content_type = accepted if FORMS[accepted] == form else {"yaml": YAML, "json": JSON}[form]
        return HttpResponse(document()[form], content_type=content_type)


@extend_schema(exclude=True)
class DocsView(DocumentationView):
    """The document for people who try it out."""

    def get(self, request: Request) -> HttpResponse:
        """The page."""
        return render(request, "api/docs.html")


@extend_schema(exclude=True)
class RedocView(DocumentationView):
    """The document for people who read it."""

    def get(self, request: Request) -> HttpResponse:
        """The page."""
        return render(request, "api/redoc.html")


@extend_schema(exclude=True)
class RedocScriptView(DocumentationView):
    """What that page runs."""

    def get(self, request: Request) -> HttpResponse:
        """The script."""
        kept = {"Cache-Control": "public, max-age=86400"}
        return HttpResponse(redoc_script(), content_type="text/javascript; charset=utf-8", headers=kept)


@extend_schema(exclude=True)
class ErrorsPage(DocumentationView):
    """What each error code means, for people: the `type` of a problem leads here."""

    def get(self, request: Request) -> HttpResponse:
        """The page."""
        context = {"codes": all_codes().values(), "fields": sorted(FIELD_CODES.items())}
        return render(request, "api/errors.html", context)


@cache
def document() -> dict[str, bytes]:
    """The OpenAPI document in each form. It takes seconds to make and is the same for everyone."""
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return {
        "yaml": OpenApiYamlRenderer().render(made, renderer_context={}),  # type: ignore[no-untyped-call]
        "json": json.dumps(made, ensure_ascii=False).encode(),
    }
