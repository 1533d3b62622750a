"""Routes."""

from django.urls import path

from apps.ledger.api.views import PositionsView

urlpatterns = [path("ledger/positions", PositionsView.as_view(), name="positions")]
