"""The product's addresses, and the one that is measured."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.db import unit_of_work
from apps.core.http.serializers import AmountField, StrictSerializer, TextField, read_body
from apps.core.http.views import View
from bench.rows.models import Row
from config.urls import urlpatterns as product


class RowTicketSerializer(StrictSerializer):
    """A row to insert."""

    name = TextField(max_length=200)
    quantity = AmountField()


class RowsView(View):
    """Everything the kit does for a view: token, role, limits, strict body, envelope, one unit of work."""

    required_roles = frozenset({"INVESTOR"})

    def post(self, request: Request) -> Response:
        body = read_body(request, RowTicketSerializer)
        with unit_of_work():
            row = Row.objects.create(**body)
        return Response({"id": row.pk, **body}, status=201)


urlpatterns = [path("api/bench/rows", RowsView.as_view()), *product]
