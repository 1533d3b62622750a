"""Two addresses: open to all, and with DRF's own tokens."""

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.rows.models import Row


class RowSerializer(serializers.ModelSerializer):
    """All columns."""

    class Meta:
        model = Row
        fields = ("id", "name", "quantity")


class BareView(APIView):
    """Validate, insert, answer."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def post(self, request: Request) -> Response:
        serializer = RowSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=201)


class TokenView(BareView):
    """The same for who is logged in."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]


urlpatterns = [path("bare/rows", BareView.as_view()), path("token/rows", TokenView.as_view())]
