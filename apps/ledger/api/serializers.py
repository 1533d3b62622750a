"""Shapes of requests and answers."""

from typing import Any

from rest_framework import serializers

from apps.core.http.filters import Filter, ListQuery
from apps.core.http.serializers import AddressField, IdField, IsinField, TextField
from apps.core.money import format_base_units
from apps.ledger.types import HOLDER_KINDS, Position

HOLDINGS = [(kind.value, kind.label) for kind in HOLDER_KINDS]


class PositionListQuery(ListQuery):
    """Which positions."""

    filters = {
        "party_id": Filter(IdField(help_text="For officers: one party's."), applied=False),
        "isin": Filter(IsinField(), applied=False),
        "asset": Filter(TextField(max_length=32, help_text="An ISIN or the code of a cash asset."), applied=False),
        "kind": Filter(serializers.ChoiceField(choices=HOLDINGS)),
        "wallet_address": Filter(AddressField()),
    }
    orderings = {"account_id": ("id",), "asset": ("asset_id", "id")}
    default_ordering = "-account_id"


class PositionSerializer(serializers.Serializer):
    """What a wallet has of an asset. Amounts are decimal strings of `decimals` digits after the point."""

    account_id = serializers.UUIDField()
    party_id = serializers.UUIDField(allow_null=True, help_text="Null: the wallet belongs to nobody we know.")
    asset = serializers.CharField()
    kind = serializers.ChoiceField(choices=HOLDINGS)
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
