"""Shapes of requests and answers."""

from django.db.models import Q
from rest_framework import serializers

from apps.core.http.filters import ONE_OR_MORE, RANGE, Filter, ListQuery, moments
from apps.core.http.serializers import DayField, IsinField, TextField
from apps.settlement.types import ProcessingStatus, Reason, SettlementStatus

STATUSES = [*SettlementStatus.choices, (ProcessingStatus.CANC.value, ProcessingStatus.CANC.label)]


def of_status(statuses: list[str]) -> Q:
    """A settlement status says something of what is not cancelled; CANC is the other axis."""
    cancelled = [status for status in statuses if status == ProcessingStatus.CANC]
    under_way = Q(processing_status=ProcessingStatus.PACK, settlement_status__in=set(statuses) - set(cancelled))
    return under_way | Q(processing_status__in=cancelled)


class InstructionListQuery(ListQuery):
    """Which instructions."""

    filters = {
        "isin": Filter(IsinField(), ONE_OR_MORE),
        "status": Filter(serializers.ChoiceField(choices=STATUSES), ONE_OR_MORE, where=of_status),
        "reason_code": Filter(serializers.ChoiceField(choices=Reason.choices), ONE_OR_MORE),
        "trade_ref": Filter(TextField(max_length=64)),
        "trade_date": Filter(DayField(), RANGE),
        "intended_settlement_date": Filter(DayField(), RANGE),
        "created_at": moments(),
    }
    orderings = {
        "created_at": ("created_at", "id"),
        "intended_settlement_date": ("intended_settlement_date", "id"),
    }
    default_ordering = "-created_at"


class InstructionSerializer(serializers.Serializer):
    """A settlement instruction. Amounts are decimal strings; a party sees its own side's party id only."""

    id = serializers.UUIDField()
    trade_ref = serializers.CharField()
    isin = serializers.CharField()
    side = serializers.ChoiceField(choices=["BUY", "SELL"], allow_null=True, help_text="The caller's side.")
    seller_party_id = serializers.UUIDField(allow_null=True)
    buyer_party_id = serializers.UUIDField(allow_null=True)
    seller_wallet = serializers.CharField()
    buyer_wallet = serializers.CharField()
    quantity = serializers.CharField()
    cash_asset = serializers.CharField()
    cash_amount = serializers.CharField()
    trade_date = serializers.DateField()
    intended_settlement_date = serializers.DateField()
    deadline = serializers.DateTimeField()
    processing_status = serializers.ChoiceField(choices=ProcessingStatus.choices)
    settlement_status = serializers.ChoiceField(choices=SettlementStatus.choices)
    reason_code = serializers.ChoiceField(choices=Reason.choices, allow_blank=True, help_text="ISO 20022.")
    reason_detail = serializers.CharField(allow_blank=True)
    attempts = serializers.IntegerField()
    intent_id = serializers.UUIDField(allow_null=True, help_text="The settlement call in flight.")
    tx_hash = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class StatusEventSerializer(serializers.Serializer):
    """One change of status."""

    processing_status = serializers.ChoiceField(choices=ProcessingStatus.choices)
    settlement_status = serializers.ChoiceField(choices=SettlementStatus.choices)
    reason_code = serializers.CharField(allow_blank=True)
    reason_detail = serializers.CharField(allow_blank=True)
    intent_id = serializers.UUIDField(allow_null=True)
    tx_hash = serializers.CharField(allow_blank=True)
    block_number = serializers.IntegerField(allow_null=True)
    recorded_at = serializers.DateTimeField()


class InstructionWithHistorySerializer(InstructionSerializer):
    """An instruction with the history of its status, oldest first."""

    history = StatusEventSerializer(many=True)
