"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import AddressField, AmountField, IdField, IsinField, StrictSerializer, TextField
from apps.issuance.types import IssuanceStatus


class IssuanceRequestSerializer(StrictSerializer):
    """A request for new securities; the holder is `party_id` (its registered wallet) or `wallet_address`."""

    client_request_id = TextField(max_length=64)
    isin = IsinField()
    party_id = IdField(required=False)
    wallet_address = AddressField(required=False)
    quantity = AmountField()


class IssuanceListQuery(ListQuery):
    """Which issuances."""

    filters = {
        "isin": Filter(IsinField(), ONE_OR_MORE),
        "status": Filter(serializers.ChoiceField(choices=IssuanceStatus.choices), ONE_OR_MORE),
        "client_request_id": Filter(TextField(max_length=64)),
        "party_id": Filter(IdField(help_text="The holder.")),
        "wallet_address": Filter(AddressField()),
        "created_at": moments(),
    }
    orderings = {"created_at": ("created_at", "id")}
    default_ordering = "-created_at"


class IssuanceSerializer(serializers.Serializer):
    """An issuance. `quantity` is a decimal string."""

    id = serializers.UUIDField()
    client_request_id = serializers.CharField()
    isin = serializers.CharField()
    party_id = serializers.UUIDField()
    wallet_address = serializers.CharField()
    quantity = serializers.CharField()
    status = serializers.ChoiceField(choices=IssuanceStatus.choices)
    requested_by = serializers.UUIDField()
    approved_by = serializers.UUIDField(allow_null=True)
    rejected_by = serializers.UUIDField(allow_null=True)
    intent_id = serializers.UUIDField(allow_null=True)
    tx_hash = serializers.CharField(allow_blank=True)
    failure_reason = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class TokenOrderSerializer(StrictSerializer):
    """An order for a security's token. `agents` may mint besides the platform."""

    isin = IsinField()
    agents = serializers.ListField(child=AddressField(), max_length=5, required=False, default=list)


class TokenSerializer(serializers.Serializer):
    """The token of a security; addresses are empty until it is deployed."""

    isin = serializers.CharField()
    state = serializers.CharField()
    address = serializers.CharField(allow_blank=True)
    identity_registry = serializers.CharField(allow_blank=True)
    decimals = serializers.IntegerField()
    intent_id = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
