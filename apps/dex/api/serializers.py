"""Shapes of requests and answers."""

import re
from typing import Any

from rest_framework import serializers

from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import AmountField, CodeField, DigitsField, IdField, IsinField, StrictSerializer
from apps.dex.matching import Side, TimeInForce
from apps.dex.types import OrderState, OrderType

# An order is in the list once the matcher has seen it.
DECIDED = [state for state in OrderState.values if state != OrderState.PENDING]
CLIENT_ID = r"[A-Za-z0-9._:-]{1,64}"


class ClientIdField(CodeField):
    """A client's own id of a command."""

    pattern = f"^{CLIENT_ID}$"

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(CLIENT_ID, text, re.ASCII):
            raise serializers.ValidationError("Use 1 to 64 of A-Z a-z 0-9 . _ : -", code="invalid_client_id")
        return text


class OrderTicketSerializer(StrictSerializer):
    """An order."""

    client_order_id = ClientIdField(help_text="Your own id: sent again with the same content, it is the same order.")
    isin = IsinField()
    side = serializers.ChoiceField(choices=[str(side) for side in Side])
    order_type = serializers.ChoiceField(choices=OrderType.values, default=OrderType.LIMIT)
    price = AmountField(help_text="Per unit, in the security's cash asset.")
    quantity = AmountField(help_text="In units of the security.")
    time_in_force = serializers.ChoiceField(choices=[str(tif) for tif in TimeInForce], default=str(TimeInForce.GTC))


class CancelSerializer(StrictSerializer):
    """A cancel; its own id is optional."""

    client_cancel_id = ClientIdField(required=False)


class OrderListQuery(ListQuery):
    """Which orders."""

    filters = {
        "isin": Filter(IsinField(), ONE_OR_MORE),
        "status": Filter(serializers.ChoiceField(choices=DECIDED), ONE_OR_MORE),
        "side": Filter(serializers.ChoiceField(choices=[str(side) for side in Side])),
        "client_order_id": Filter(ClientIdField(), column="command__client_command_id"),
        "party_id": Filter(IdField(help_text="For officers; anybody else has no orders but their own.")),
        "created_at": moments(),
    }
    orderings = {"created_at": ("created_at", "id")}
    default_ordering = "-created_at"


class BookQuerySerializer(StrictSerializer):
    """Which book, and how deep."""

    isin = IsinField()
    depth = DigitsField(min_value=1, max_value=200, default=20)


class TradeListQuery(ListQuery):
    """Which trades of a security."""

    filters = {
        "isin": Filter(IsinField(), required=True, applied=False),
        "taker_side": Filter(serializers.ChoiceField(choices=[str(side) for side in Side])),
        "executed_at": moments(),
    }
    orderings = {"trade_id": ("id",), "executed_at": ("executed_at", "id")}
    default_ordering = "-trade_id"
    sequence = "id"


class FillSerializer(serializers.Serializer):
    """One trade of an order."""

    trade_id = serializers.IntegerField()
    price = serializers.CharField()
    quantity = serializers.CharField()
    cash_amount = serializers.CharField()
    executed_at = serializers.DateTimeField()


class OrderSerializer(serializers.Serializer):
    """An order and its fills; amounts are decimal strings."""

    order_id = serializers.UUIDField()
    client_order_id = serializers.CharField()
    isin = serializers.CharField()
    side = serializers.CharField()
    order_type = serializers.CharField()
    time_in_force = serializers.CharField()
    price = serializers.CharField()
    quantity = serializers.CharField()
    filled_quantity = serializers.CharField()
    remaining_quantity = serializers.CharField()
    status = serializers.CharField(help_text="PENDING until the matcher has seen the order.")
    reason = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    fills = FillSerializer(many=True)


class TradeSerializer(serializers.Serializer):
    """A trade as the market sees it."""

    trade_id = serializers.IntegerField()
    isin = serializers.CharField()
    price = serializers.CharField()
    quantity = serializers.CharField()
    taker_side = serializers.CharField()
    executed_at = serializers.DateTimeField()


class LevelSerializer(serializers.Serializer):
    """A price level."""

    price = serializers.CharField()
    quantity = serializers.CharField()
    orders = serializers.IntegerField()


class BookSerializer(serializers.Serializer):
    """The book, best prices first."""

    isin = serializers.CharField()
    sequence = serializers.IntegerField()
    bids = LevelSerializer(many=True)
    asks = LevelSerializer(many=True)
