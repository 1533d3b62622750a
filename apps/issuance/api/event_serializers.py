"""Shapes of requests and answers about events."""

from rest_framework import serializers

from apps.chain.types.token_events import EventFinality, TokenEventKind
from apps.core.http.filters import MAX_SEQUENCE, ONE_OR_MORE, RANGE, Filter, ListQuery, SequenceField
from apps.core.http.serializers import AddressField, HashField, IsinField, StrictSerializer

BY_WALLET = "Those that name it among their indexed addresses."
BY_FINALITY = "Without it, all that are not orphaned."


class TokenEventListQuery(ListQuery):
    """Which events."""

    filters = {
        "isin": Filter(IsinField(), ONE_OR_MORE, applied=False),
        "wallet_address": Filter(AddressField(help_text=BY_WALLET), applied=False),
        "tx_hash": Filter(HashField()),
        "event": Filter(serializers.ChoiceField(choices=TokenEventKind.choices), ONE_OR_MORE, applied=False),
        "finality": Filter(
            serializers.ChoiceField(choices=EventFinality.choices, help_text=BY_FINALITY), applied=False
        ),
        "block_number": Filter(SequenceField(max_value=MAX_SEQUENCE), RANGE),
    }
    orderings = {"block_number": ("block_number", "log_index", "id")}
    default_ordering = "-block_number"


class TokenEventSerializer(serializers.Serializer):
    """An event of a security's token, as its contract logged it.

    What an event does not tell is null. A mint comes from the zero address, a burn goes to it; a freeze names its
    wallet as `to_address`, a recovery the lost wallet as `from_address`. `is_decoded` is false for a log that claims
    this event and does not have its shape.
    """

    id = serializers.IntegerField()
    isin = serializers.CharField()
    token_address = serializers.CharField()
    event = serializers.ChoiceField(choices=TokenEventKind.choices)
    from_address = serializers.CharField(allow_null=True)
    to_address = serializers.CharField(allow_null=True)
    quantity = serializers.CharField(allow_null=True, help_text="A decimal string.")
    partition = serializers.CharField(allow_null=True)
    is_decoded = serializers.BooleanField()
    tx_hash = serializers.CharField()
    block_number = serializers.IntegerField()
    block_hash = serializers.CharField()
    block_time = serializers.DateTimeField()
    log_index = serializers.IntegerField()
    finality = serializers.ChoiceField(choices=EventFinality.choices)
    intent_id = serializers.UUIDField(allow_null=True, help_text="The transaction of ours that it came of.")
    issuance_id = serializers.UUIDField(allow_null=True, help_text="The issuance that minted it.")


class IngestOrderSerializer(StrictSerializer):
    """Which transaction."""

    tx_hash = HashField()


class IngestedSerializer(serializers.Serializer):
    """What came of it: STORED with the transaction's events, or WAITING for its block to be stored."""

    state = serializers.ChoiceField(choices=["STORED", "WAITING"])
    block_number = serializers.IntegerField()
    stored = serializers.IntegerField(help_text="Logs that were missing and are stored now; an alert tells of them.")
    events = TokenEventSerializer(many=True)
