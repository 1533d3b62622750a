"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.audit.models import AuditLog
from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import IdField, TextField
from apps.vault.errors import KeyUnavailable, SubjectErased, Unreadable


class AuditLogListQuery(ListQuery):
    """Who did what."""

    filters = {
        "action": Filter(TextField(max_length=64), ONE_OR_MORE),
        "resource_type": Filter(TextField(max_length=64)),
        "resource_id": Filter(TextField(max_length=128)),
        "user": Filter(IdField(), column="user_id"),
        "party_id": Filter(IdField()),
        "request_id": Filter(TextField(max_length=64)),
        "created_at": moments(),
    }
    # By number, which grows with time along a resource; a period is a filter.
    orderings = {"id": ("id",)}
    default_ordering = "-id"
    sequence = "id"


UNREADABLE, UNAVAILABLE = "[unreadable]", "[key unavailable]"


class PersonalField(serializers.CharField):
    """A protected value, as long as it can be read: one that cannot be hides no other row, nor the rest of its own."""

    def __init__(self) -> None:
        super().__init__(
            read_only=True,
            allow_null=True,
            help_text=(
                f"Null, too, once the user's data has been erased; {UNREADABLE} where it was tampered with; "
                f"{UNAVAILABLE} while its key cannot be had: ask again later."
            ),
        )

    def get_attribute(self, instance: AuditLog) -> str | None:
        """The value, or what stands in its place: nothing where it was erased."""
        try:
            value: str | None = getattr(instance, str(self.source))
        except SubjectErased:
            return None
        except KeyUnavailable:
            return UNAVAILABLE
        except Unreadable:
            return UNREADABLE
        return value


class AuditLogSerializer(serializers.ModelSerializer):
    """One row of the trail."""

    id = serializers.IntegerField()
    user = IdField(allow_null=True, help_text="Who acted; null where the system did.")
    ip = PersonalField()
    user_agent = PersonalField()
    resource = serializers.CharField(help_text="Its type and id: the stream in which the log numbers its events.")
    index = serializers.IntegerField(
        source="leaf.index",
        allow_null=True,
        default=None,
        help_text="Its place in the log, from 0; null until it has one.",
    )
    stream_seq = serializers.IntegerField(
        source="leaf.stream_seq", allow_null=True, default=None, help_text="The event's number in its stream, from 1."
    )
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    committed = serializers.DictField(
        child=serializers.CharField(), help_text="Keyed hashes of the personal values, by name, in hex."
    )

    class Meta:
        model = AuditLog
        fields = [
            "id",
            "created_at",
            "user",
            "party_id",
            "session_id",
            "request_id",
            "ip",
            "user_agent",
            "action",
            "resource",
            "resource_type",
            "resource_id",
            "index",
            "stream_seq",
            "before",
            "after",
            "committed",
            "source",
            "record_class",
        ]
        read_only_fields = fields
