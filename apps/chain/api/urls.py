"""Routes."""

from django.urls import URLPattern, path

from apps.chain.api import views

urlpatterns: list[URLPattern] = [
    path("chain/intents/<uuid:intent_id>", views.IntentView.as_view(), name="chain-intent"),
    path("chain/status", views.StatusView.as_view(), name="chain-status"),
    path("chain/contracts", views.ContractsView.as_view(), name="chain-contracts"),
]
