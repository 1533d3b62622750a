"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import AddressField, FlagField, IsinField, StrictSerializer
from apps.reconciliation.types import BreakKind, BreakState, RunDepth, RunStatus


class RunOrderSerializer(StrictSerializer):
    """What to reconcile, and how far to look."""

    isin = IsinField()
    depth = serializers.ChoiceField(
        choices=RunDepth.choices,
        default=RunDepth.FULL,
        help_text="FOLD believes the final logs; FULL asks the token for every wallet; PROVEN takes storage proofs "
        "instead, and attests the positions.",
    )
    incremental = FlagField(
        default=False, help_text="Only what changed since the last run that concluded, and what is broken."
    )


class RunListQuery(ListQuery):
    """Which runs."""

    filters = {
        "isin": Filter(IsinField(), ONE_OR_MORE),
        "status": Filter(serializers.ChoiceField(choices=RunStatus.values), ONE_OR_MORE),
        "started_at": moments(),
    }
    orderings = {"started_at": ("started_at", "id")}
    default_ordering = "-started_at"


class BreakListQuery(ListQuery):
    """Which breaks."""

    filters = {
        "isin": Filter(IsinField(), ONE_OR_MORE),
        "kind": Filter(serializers.ChoiceField(choices=BreakKind.values), ONE_OR_MORE),
        "state": Filter(serializers.ChoiceField(choices=BreakState.values)),
        "wallet_address": Filter(AddressField()),
        "first_seen_at": moments(),
        "last_seen_at": moments(),
    }
    orderings = {"first_seen_at": ("first_seen_at", "id"), "last_seen_at": ("last_seen_at", "id")}
    default_ordering = "-first_seen_at"


class CutOffSerializer(serializers.Serializer):
    """The block at which the run compared, and the newest ledger transfer it saw."""

    chain_id = serializers.IntegerField()
    block_number = serializers.IntegerField()
    block_hash = serializers.CharField()
    block_time = serializers.DateTimeField()
    state_root = serializers.CharField()
    ledger_sequence = serializers.IntegerField()
    endpoints = serializers.ListField(
        child=serializers.CharField(), help_text="Configured nodes that confirmed block hash and state root."
    )


class SideSerializer(serializers.Serializer):
    """One side of an entry: a kind of account, and its wallet; null for a control account."""

    kind = serializers.CharField()
    wallet_address = serializers.CharField(allow_null=True)


class RemedySerializer(serializers.Serializer):
    """The entry that would bring the books to what the chain says."""

    debit = SideSerializer()
    credit = SideSerializer()
    amount = serializers.CharField()


class BreakSerializer(serializers.Serializer):
    """A difference; amounts are decimal strings of `asset`, null where unknown or not applicable."""

    id = serializers.UUIDField()
    isin = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField(help_text=f"One of {', '.join(BreakState.values)}.")
    asset = serializers.CharField()
    wallet_address = serializers.CharField(allow_null=True)
    expected = serializers.CharField(allow_null=True, help_text="What the books say.")
    actual = serializers.CharField(allow_null=True, help_text="What the chain's storage says.")
    events = serializers.CharField(allow_null=True, help_text="What the stored final events add up to.")
    message = serializers.CharField()
    tx_hash = serializers.CharField(allow_blank=True)
    details = serializers.JSONField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    run_id = serializers.UUIDField(help_text="The run that last saw it.")
    severity = serializers.CharField(help_text="CRITICAL: units moved, or are counted on one side alone.")
    owner_id = serializers.UUIDField(allow_null=True)
    remedy = RemedySerializer(allow_null=True)


class RunSummarySerializer(serializers.Serializer):
    """A run without its breaks."""

    id = serializers.UUIDField()
    isin = serializers.CharField()
    depth = serializers.CharField(help_text="FOLD, FULL or PROVEN.")
    whole = serializers.BooleanField(help_text="Whether every wallet was looked at.")
    status = serializers.CharField(help_text="CLEAN, BREAKS, INCOMPLETE (something unknown) or VOID (run again).")
    cut_off = CutOffSerializer(allow_null=True)
    problems = serializers.ListField(child=serializers.CharField(), help_text="Why it is INCOMPLETE or VOID.")
    wallets = serializers.IntegerField()
    unknown_reads = serializers.IntegerField()
    in_flight = serializers.IntegerField()
    breaks_found = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()


class RunSerializer(RunSummarySerializer):
    """A run with the breaks it saw."""

    breaks = BreakSerializer(many=True)


class AttestationSerializer(serializers.Serializer):
    """A signed statement. `statement` is signed as it stands, behind the line `bookentry.attestation/1`."""

    run_id = serializers.UUIDField()
    isin = serializers.CharField()
    block_number = serializers.IntegerField()
    block_hash = serializers.CharField()
    state_root = serializers.CharField()
    positions = serializers.IntegerField(help_text="How many leaves the tree of positions has.")
    positions_root = serializers.CharField(help_text="RFC 9162, SHA-256.")
    booked = serializers.CharField(help_text="What all positions have in the books, a decimal string.")
    units = serializers.CharField(help_text="What they have on the chain, proven.")
    supply = serializers.CharField(help_text="The token's supply, proven.")
    statement = serializers.CharField()
    signature = serializers.CharField(help_text="Ed25519, in hexadecimal.")
    public_key = serializers.CharField(help_text="Believe one that you were given elsewhere, not this one.")
    key_id = serializers.CharField()
    recorded_at = serializers.DateTimeField()


class PositionProofQuery(StrictSerializer):
    """Whose position."""

    wallet_address = AddressField(required=False)


class StatementSerializer(serializers.Serializer):
    """What is signed of a run."""

    balances_slot = serializers.CharField()
    block_hash = serializers.CharField()
    block_number = serializers.IntegerField()
    breaks = serializers.IntegerField()
    chain_id = serializers.IntegerField()
    decimals = serializers.IntegerField()
    isin = serializers.CharField()
    issued_at = serializers.CharField()
    ledger_sequence = serializers.IntegerField()
    positions = serializers.IntegerField()
    positions_root = serializers.CharField()
    run_id = serializers.CharField()
    state_root = serializers.CharField()
    status = serializers.CharField()
    supply = serializers.CharField(help_text="Base units.")
    token = serializers.CharField()


class ProvenPositionSerializer(serializers.Serializer):
    """The leaf, in base units."""

    booked = serializers.CharField()
    holder = serializers.CharField()
    index = serializers.IntegerField()
    units = serializers.CharField()


class StatementSignatureSerializer(serializers.Serializer):
    """Ed25519, in hexadecimal."""

    key = serializers.CharField()
    value = serializers.CharField()


def _nodes(said: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), help_text=said)


class PositionProofSerializer(serializers.Serializer):
    """A proof of the format bookentry.position/1: see docs/reconciliation-proofs.md."""

    account = _nodes("Nodes from the state root to the token's account.")
    format = serializers.CharField()
    header = serializers.CharField(help_text="The block's header, in RLP.")
    path = _nodes("From the position's leaf to the root of the tree of positions.")
    position = ProvenPositionSerializer()
    signature = StatementSignatureSerializer()
    statement = StatementSerializer()
    storage = _nodes("Nodes from the token's storage root to the balance.")
