"""Shapes of answers."""

from rest_framework import serializers

from apps.chain.types import IntentState, SignerRole


class IntentSerializer(serializers.Serializer):
    """A transaction of ours. `reason` is set on those that failed."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    business_key = serializers.CharField()
    signer = serializers.ChoiceField(choices=SignerRole.choices)
    nonce = serializers.IntegerField()
    to = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=IntentState.choices)
    reason = serializers.CharField(allow_blank=True)
    reason_detail = serializers.CharField(allow_blank=True)
    tx_hash = serializers.CharField(allow_null=True)
    block_number = serializers.IntegerField(allow_null=True)
    block_hash = serializers.CharField(allow_null=True)
    gas_used = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class BlockSerializer(serializers.Serializer):
    """A block as stored."""

    number = serializers.IntegerField()
    hash = serializers.CharField()
    timestamp = serializers.DateTimeField()


class CursorSerializer(serializers.Serializer):
    """How far a stream is; `halted` says why it stopped for good."""

    name = serializers.CharField()
    number = serializers.IntegerField()
    hash = serializers.CharField()
    halted = serializers.CharField(allow_blank=True)


class SignerSerializer(serializers.Serializer):
    """A signer; `frozen_reason` is empty while it sends."""

    role = serializers.ChoiceField(choices=SignerRole.choices)
    address = serializers.CharField()
    next_nonce = serializers.IntegerField()
    frozen_reason = serializers.CharField(allow_blank=True)


class ChainStatusSerializer(serializers.Serializer):
    """How the chain room is doing."""

    chain_id = serializers.IntegerField()
    head = BlockSerializer(allow_null=True)
    final = BlockSerializer(allow_null=True)
    cursors = CursorSerializer(many=True)
    signers = SignerSerializer(many=True)
    open_intents = serializers.DictField(child=serializers.IntegerField(), help_text="State to number.")


class ContractsSerializer(serializers.Serializer):
    """Where the platform's contracts are. Empty strings before deployment; `contracts` has them all by name."""

    chain_id = serializers.IntegerField()
    dvp = serializers.CharField(allow_blank=True)
    payment_token = serializers.CharField(allow_blank=True)
    contracts = serializers.DictField(child=serializers.CharField())
