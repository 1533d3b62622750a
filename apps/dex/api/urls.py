"""Routes."""

from django.urls import URLPattern, path

from apps.dex.api import views

urlpatterns: list[URLPattern] = [
    path("dex/orders", views.OrdersView.as_view(), name="orders"),
    path("dex/orders/<uuid:order_id>", views.OrderDetailView.as_view(), name="order"),
    path("dex/orders/<uuid:order_id>/cancel", views.CancelView.as_view(), name="order-cancel"),
    path("dex/orderbook", views.OrderbookView.as_view(), name="orderbook"),
    path("dex/trades", views.TradesView.as_view(), name="trades"),
]
