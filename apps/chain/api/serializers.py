"""Shapes of answers."""

from rest_framework import serializers

from apps.chain.types import EndpointReason, EndpointState, IntentState, SignerRole


class IntentSerializer(serializers.Serializer):
    """A transaction of ours. `reason` is set on those that failed."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    business_key = serializers.CharField()
    signer = serializers.ChoiceField(choices=SignerRole.choices)
    nonce = serializers.IntegerField(allow_null=True)
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
    lag_seconds = serializers.FloatField(allow_null=True, help_text="Since the time of its block.")


class EndpointSerializer(serializers.Serializer):
    """A node by the name of its setting; `reason` says why it is not asked, `head` and `final` what it last said."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=EndpointState.choices)
    reason = serializers.ChoiceField(choices=EndpointReason.choices, allow_blank=True)
    head = serializers.IntegerField(allow_null=True)
    final = serializers.IntegerField(allow_null=True)
    lag_blocks = serializers.IntegerField(allow_null=True, help_text="Behind the highest of the nodes.")
    range_blocks = serializers.IntegerField(help_text="Blocks it takes in one question for logs.")
    checked_at = serializers.DateTimeField(allow_null=True)


class CoverageSerializer(serializers.Serializer):
    """From which block to which all is stored; of contracts that are behind, the past is still fetched."""

    from_block = serializers.IntegerField(allow_null=True)
    to_block = serializers.IntegerField(allow_null=True)
    contracts = serializers.IntegerField()
    contracts_behind = serializers.IntegerField()
    behind_from = serializers.IntegerField(allow_null=True, help_text="Where the furthest behind of them is.")


class ReorganisationsSerializer(serializers.Serializer):
    """How often blocks were left for others; the last time how many (0 if never), and when."""

    count = serializers.IntegerField()
    depth = serializers.IntegerField()
    at = serializers.DateTimeField(allow_null=True)


class SignerSerializer(serializers.Serializer):
    """A signer; `frozen_reason` is empty while it sends."""

    role = serializers.ChoiceField(choices=SignerRole.choices)
    address = serializers.CharField()
    next_nonce = serializers.IntegerField()
    frozen_reason = serializers.CharField(allow_blank=True)
    low_on_ether = serializers.BooleanField(help_text="Its balance was below the policy's when a node last told it.")


class ChainStatusSerializer(serializers.Serializer):
    """How the chain room is doing."""

    chain_id = serializers.IntegerField()
    head = BlockSerializer(allow_null=True)
    final = BlockSerializer(allow_null=True)
    cursors = CursorSerializer(many=True)
    signers = SignerSerializer(many=True)
    open_intents = serializers.DictField(child=serializers.IntegerField(), help_text="State to number.")
    halted = serializers.CharField(allow_blank=True, help_text="Why ingestion stopped for good; empty while it runs.")
    lag_blocks = serializers.IntegerField(help_text="What the highest node that is well has beyond what is stored.")
    lag_seconds = serializers.FloatField(allow_null=True, help_text="Since the time of the newest block stored.")
    endpoints = EndpointSerializer(many=True)
    coverage = CoverageSerializer()
    reorganisations = ReorganisationsSerializer()
    dead_letters_open = serializers.IntegerField(help_text="Logs that could not be read, counted up to a bound.")


class ContractsSerializer(serializers.Serializer):
    """Where the platform's contracts are. Empty strings before deployment; `contracts` has them all by name."""

    chain_id = serializers.IntegerField()
    dvp = serializers.CharField(allow_blank=True)
    payment_token = serializers.CharField(allow_blank=True)
    contracts = serializers.DictField(child=serializers.CharField())
