"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.core.http.serializers import IsinField, StrictSerializer
from apps.settlement.types import ProcessingStatus, Reason, SettlementStatus

STATUSES = [*SettlementStatus.choices, (ProcessingStatus.CANC.value, ProcessingStatus.CANC.label)]


class InstructionQuerySerializer(StrictSerializer):
    """Filters of the list."""

    isin = IsinField(required=False)
    status = serializers.ChoiceField(choices=STATUSES, required=False)


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
