"""Shapes of requests and answers."""

from typing import Any

from rest_framework import serializers

from apps.core.http.serializers import IdField, IsinField, StrictSerializer, TextField
from apps.core.money import format_base_units
from apps.ledger.types import HOLDER_KINDS, Position


class PositionQuerySerializer(StrictSerializer):
    """Filters of the list."""

    party_id = IdField(required=False, help_text="Operations and compliance: one party's positions.")
    isin = IsinField(required=False)
    asset = TextField(max_length=32, required=False, help_text="An ISIN or the code of a cash asset.")


class PositionSerializer(serializers.Serializer):
    """What a wallet has of an asset. Amounts are decimal strings of `decimals` digits after the point."""

    account_id = serializers.UUIDField()
    party_id = serializers.UUIDField(allow_null=True, help_text="Null: the wallet belongs to nobody we know.")
    asset = serializers.CharField()
    kind = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in HOLDER_KINDS])
    wallet_address = serializers.CharField()
    settled = serializers.CharField(help_text="Final on the chain and booked.")
    held = serializers.CharField(help_text="Reserved by open orders and pending settlements.")
    available = serializers.CharField(help_text="Settled less held.")
    decimals = serializers.IntegerField()


def render_position(position: Position) -> dict[str, Any]:
    """One row of the answer."""

    def amount(base_units: int) -> str:
        return format_base_units(base_units, position.decimals)

    return {
        "account_id": str(position.account_id),
        "party_id": str(position.party_id) if position.party_id else None,
        "asset": position.asset,
        "kind": position.kind,
        "wallet_address": position.wallet_address,
        "settled": amount(position.settled),
        "held": amount(position.held),
        "available": amount(position.available),
        "decimals": position.decimals,
    }
