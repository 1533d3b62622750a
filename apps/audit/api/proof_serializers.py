"""Shapes of the tree's answers: hashes, keys and signatures are hexadecimal."""

from typing import Any

from rest_framework import serializers

from apps.audit.models import AuditHead
from apps.audit.selectors.tree import Consistency, EventProof
from apps.core.http.filters import ListQuery, SequenceField, moments
from apps.core.http.serializers import StrictSerializer

MOST = 2**63 - 1


class AuditHeadListQuery(ListQuery):
    """Signed heads."""

    filters = {"at": moments()}
    orderings = {"size": ("size",)}
    default_ordering = "-size"


class ProofQuery(StrictSerializer):
    """To which head."""

    size = SequenceField(
        min_value=1, max_value=MOST, required=False, help_text="That of a signed head; the newest if it is not said."
    )


class ConsistencyQuery(StrictSerializer):
    """Of which two sizes."""

    to = SequenceField(min_value=1, max_value=MOST, help_text="The later size; a signed head has reached it.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name in Python."""
        said = "The earlier size, at most `to`."
        return {"from": SequenceField(min_value=1, max_value=MOST, help_text=said)} | super().get_fields()

    def validate(self, attrs: dict[str, int]) -> dict[str, int]:
        """A log does not become smaller."""
        if attrs["from"] > attrs["to"]:
            raise serializers.ValidationError({"from": "This must be at most `to`."}, code="after_the_end")
        return attrs


class AuditHeadSerializer(serializers.Serializer):
    """A signed head. What is signed: see docs/audit-tree.md."""

    log = serializers.CharField(help_text="The log's name: it never changes.")
    size = serializers.IntegerField(help_text="How many leaves the tree had.")
    root = serializers.CharField()  # type: ignore[assignment]
    time = serializers.CharField(help_text="When it was signed, to the microsecond, as it stands in the signed text.")
    key_id = serializers.CharField(help_text="The first 8 bytes of the SHA-256 of `public_key`.")
    public_key = serializers.CharField(help_text="Ed25519. Believe one that you were given elsewhere, not this one.")
    signature = serializers.CharField()


class AuditProofSerializer(serializers.Serializer):
    """The audit path of RFC 6962 from an event to a signed head."""

    event = serializers.IntegerField()
    index = serializers.IntegerField(help_text="The number of its leaf, from 0.")
    body = serializers.CharField(
        allow_null=True, help_text="The event's canonical text; null where it is gone after its retention."
    )
    leaf_hash = serializers.CharField(help_text="SHA-256 of a zero byte and `body`.")
    path = serializers.ListField(child=serializers.CharField(), help_text="From the leaf up.")
    head = AuditHeadSerializer()


class AuditConsistencySerializer(serializers.Serializer):
    """The consistency proof of RFC 6962 between two sizes of the log."""

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name in Python."""
        return {"from": serializers.IntegerField()} | super().get_fields()

    to = serializers.IntegerField()
    from_root = serializers.CharField(help_text="As it follows from what is stored: compare it with a head of yours.")
    to_root = serializers.CharField()
    path = serializers.ListField(child=serializers.CharField(), help_text="Empty where both sizes are one.")


def render_head(head: AuditHead) -> dict[str, Any]:
    """One head."""
    return {
        "log": head.log,
        "size": head.size,
        "root": bytes(head.root).hex(),
        "time": head.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "key_id": head.key_id,
        "public_key": bytes(head.key.public_key).hex(),
        "signature": bytes(head.signature).hex(),
    }


def render_proof(proof: EventProof) -> dict[str, Any]:
    """One proof of an event."""
    return {
        "event": proof.event,
        "index": proof.index,
        "body": proof.body,
        "leaf_hash": proof.leaf_hash.hex(),
        "path": [one.hex() for one in proof.path],
        "head": render_head(proof.head),
    }


def render_consistency(found: Consistency) -> dict[str, Any]:
    """One proof of consistency."""
    return {
        "from": found.first,
        "to": found.second,
        "from_root": found.first_root.hex(),
        "to_root": found.second_root.hex(),
        "path": [one.hex() for one in found.path],
    }
