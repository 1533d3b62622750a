"""Shapes of what officers do about breaks, and of a break in full."""

from rest_framework import serializers

from apps.core.http.serializers import IdField, StrictSerializer, TextField
from apps.reconciliation.api.serializers import BreakSerializer, RemedySerializer
from apps.reconciliation.types import BreakChange, ResolutionKind


def words() -> TextField:
    """What an officer says."""
    return TextField(max_length=1000, help_text="No names of persons.")


class AssignmentSerializer(StrictSerializer):
    """To whom."""

    owner_id = IdField(help_text="An active user with the role OPS or COMPLIANCE.")


class ExplanationSerializer(StrictSerializer):
    """What it is."""

    text = words()


class ProposalSerializer(StrictSerializer):
    """How to close it."""

    kind = serializers.ChoiceField(
        choices=ResolutionKind.values,
        help_text="POST: post the break's remedy. ACCEPT: accept what is found, where no units of the books differ.",
    )
    reason = words()


class RejectionSerializer(StrictSerializer):
    """Why not."""

    reason = words()


class ResolutionSerializer(serializers.Serializer):
    """A proposal and its decision."""

    id = serializers.UUIDField()
    break_id = serializers.UUIDField()
    kind = serializers.CharField(help_text="POST or ACCEPT.")
    state = serializers.CharField(
        help_text="PROPOSED, APPROVED, REJECTED, or LAPSED: a run cleared the break before anybody decided."
    )
    reason = serializers.CharField()
    asset = serializers.CharField()
    remedy = RemedySerializer(allow_null=True)
    proposed_by = serializers.UUIDField()
    proposed_at = serializers.DateTimeField()
    decided_by = serializers.UUIDField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    transfer_id = serializers.IntegerField(allow_null=True, help_text="The ledger transfer that cites it.")


class BreakEventSerializer(serializers.Serializer):
    """What a run saw of the break, or what a person did about it: one of `run_id` and `user_id` is set."""

    id = serializers.IntegerField()
    change = serializers.CharField(help_text=f"One of {', '.join(BreakChange.values)}.")
    run_id = serializers.UUIDField(allow_null=True)
    user_id = serializers.UUIDField(allow_null=True)
    kind = serializers.CharField()
    expected = serializers.CharField(allow_null=True)
    actual = serializers.CharField(allow_null=True)
    events = serializers.CharField(allow_null=True)
    tx_hash = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    details = serializers.JSONField()
    recorded_at = serializers.DateTimeField()


class LogEvidenceSerializer(serializers.Serializer):
    """A stored log, and the ledger transfer that books it."""

    block_number = serializers.IntegerField()
    log_index = serializers.IntegerField()
    tx_hash = serializers.CharField()
    token_address = serializers.CharField()
    asset = serializers.CharField(allow_null=True)
    decimals = serializers.IntegerField(allow_null=True, help_text="Null: `amount` is in base units.")
    from_address = serializers.CharField(allow_null=True)
    to_address = serializers.CharField(allow_null=True)
    amount = serializers.CharField(allow_null=True)
    finality = serializers.CharField()
    transfer_id = serializers.IntegerField(allow_null=True, help_text="Null: the books have no entry of it.")


class EntryEvidenceSerializer(serializers.Serializer):
    """A ledger transfer that books one of the logs, or that a resolution posted."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    asset = serializers.CharField()
    decimals = serializers.IntegerField()
    amount = serializers.CharField()
    debit = serializers.CharField(help_text="Kind of the account, and its wallet.")
    credit = serializers.CharField()
    source_ref = serializers.CharField()
    effective_at = serializers.DateTimeField()


class TransactionEvidenceSerializer(serializers.Serializer):
    """A chain transaction; of one we did not send only the hash is known here."""

    tx_hash = serializers.CharField()
    intent_id = serializers.UUIDField(allow_null=True)
    kind = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    business_key = serializers.CharField(allow_blank=True)


class EvidenceSerializer(serializers.Serializer):
    """What is stored on each side: of the break's transaction, or of its wallet's newest twenty logs."""

    logs = LogEvidenceSerializer(many=True)
    entries = EntryEvidenceSerializer(many=True)
    transactions = TransactionEvidenceSerializer(many=True)


class BreakDetailSerializer(BreakSerializer):
    """A break with all that happened to it, oldest first, and what is stored about it."""

    history = BreakEventSerializer(many=True)
    resolutions = ResolutionSerializer(many=True)
    evidence = EvidenceSerializer()
