"""Orders, the book and trades."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import clock
from apps.core.actor import Actor
from apps.core.http.idempotency import Idempotency
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_body, read_query
from apps.core.http.views import View
from apps.core.rate_limits import Bucket
from apps.dex.api import serializers as shapes
from apps.dex.selectors.orders import book, order_view, order_views, orders_of, trade_view, trades_of
from apps.dex.services.orders import cancel_order, submit_order
from apps.dex.types import OrderState, OrderTicket, OrderView
from apps.securities.selectors.securities import security

INVESTOR = frozenset({"INVESTOR"})
OFFICERS = frozenset({"COMPLIANCE", "OPS"})
EVERYONE = frozenset({"INVESTOR", "ISSUER", "COMPLIANCE", "OPS"})


def visible_party(actor: Actor) -> UUID | None:
    """Whose orders the actor may see: their own party's, or everybody's (None) for officers."""
    return None if actor.roles & OFFICERS else actor.require_party()


def answer(order: OrderView, decided: int = 200) -> Response:
    """202 while the matcher has not seen the order."""
    status = 202 if order.status == OrderState.PENDING else decided
    return Response(shapes.OrderSerializer(order).data, status=status)


class OrdersView(View):
    """The caller's orders."""

    required_roles = {"GET": INVESTOR | OFFICERS, "POST": INVESTOR}
    reads_query = True
    throttle = Bucket.ORDERS
    idempotency = Idempotency.NONE  # a command has an id of its own, and waits for the matcher

    @extend_schema(
        operation_id="list_orders",
        tags=["dex"],
        parameters=[shapes.OrderListQuery],
        responses=page_of(shapes.OrderSerializer, shapes.OrderListQuery),
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        asked = shapes.OrderListQuery.read(request)
        rows = orders_of(visible_party(self.actor(request)))
        return self.page(asked, rows, lambda found: shapes.OrderSerializer(order_views(found), many=True).data)

    @extend_schema(
        operation_id="place_order",
        tags=["dex"],
        request=shapes.OrderTicketSerializer,
        responses={201: shapes.OrderSerializer, 202: shapes.OrderSerializer},
    )
    def post(self, request: Request) -> Response:
        """Place an order: 201 with its fills, or 202 if the matcher is busy; nothing accepted is ever lost."""
        ticket = OrderTicket(**read_body(request, shapes.OrderTicketSerializer))
        return answer(submit_order(actor=self.actor(request), ticket=ticket, now=clock.now()), decided=201)


class OrderDetailView(View):
    """One order."""

    required_roles = INVESTOR | OFFICERS

    @extend_schema(operation_id="get_order", tags=["dex"], responses=shapes.OrderSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        """An order and its fills; another party's is a 404."""
        found = order_view(order_id, visible_party(self.actor(request)))
        return Response(shapes.OrderSerializer(found).data)


class CancelView(View):
    """Cancel an order."""

    required_roles = INVESTOR
    throttle = Bucket.CANCELS
    idempotency = Idempotency.NONE  # repeated, it is the same cancel

    @extend_schema(
        operation_id="cancel_order",
        tags=["dex"],
        request=shapes.CancelSerializer,
        responses={200: shapes.OrderSerializer, 202: shapes.OrderSerializer},
    )
    def patch(self, request: Request, order_id: UUID) -> Response:
        """Take back what is not filled. Repeated, it is the same cancel."""
        body = read_body(request, shapes.CancelSerializer)
        order = cancel_order(actor=self.actor(request), order_id=order_id, now=clock.now(), **body)
        return answer(order)


class OrderbookView(View):
    """The book."""

    required_roles = EVERYONE
    reads_query = True

    @extend_schema(
        operation_id="orderbook",
        tags=["dex"],
        parameters=[shapes.BookQuerySerializer],
        responses=shapes.BookSerializer,
    )
    def get(self, request: Request) -> Response:
        """Price levels of both sides, best first."""
        query = read_query(request, shapes.BookQuerySerializer)
        return Response(shapes.BookSerializer(book(query["isin"], query["depth"])).data)


class TradesView(View):
    """Trades of a security."""

    required_roles = EVERYONE
    reads_query = True

    @extend_schema(
        operation_id="list_trades",
        tags=["dex"],
        parameters=[shapes.TradeListQuery],
        responses=page_of(shapes.TradeSerializer, shapes.TradeListQuery),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without names."""
        asked = shapes.TradeListQuery.read(request)
        terms = security(asked.get("isin"))

        def render(rows: list[Any]) -> list[Any]:
            return [shapes.TradeSerializer(trade_view(row, terms)).data for row in rows]

        return self.page(asked, trades_of(terms.isin), render)
