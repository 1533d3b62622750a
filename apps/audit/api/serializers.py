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
        "user_id": Filter(IdField()),
        "party_id": Filter(IdField()),
        "request_id": Filter(TextField(max_length=64)),
        "created_at": moments(),
    }
    orderings = {"id": ("id",), "created_at": ("created_at", "id")}
    default_ordering = "-id"
    sequence = "id"


UNREADABLE, UNAVAILABLE = "[unreadable]", "[key unavailable]"


class AddressField(serializers.CharField):
    """An address, as long as it can be read: one that cannot be hides no other row, nor the rest of its own."""

    def get_attribute(self, instance: AuditLog) -> str | None:
        """The address, or what stands in its place: nothing where it was erased."""
        try:
            return instance.ip_address
        except SubjectErased:
            return None
        except KeyUnavailable:
            return UNAVAILABLE
        except Unreadable:
            return UNREADABLE


class AuditLogSerializer(serializers.ModelSerializer):
    """One row of the trail."""

    id = serializers.IntegerField()
    ip_address = AddressField(
        read_only=True,
        allow_null=True,
        help_text=(
            f"Null, too, once the user's data has been erased; {UNREADABLE} where it was tampered with; "
            f"{UNAVAILABLE} while its key cannot be had: ask again later."
        ),
    )
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)

    class Meta:
        model = AuditLog
        fields = [
            "id",
            "created_at",
            "user_id",
            "party_id",
            "session_id",
            "request_id",
            "ip_address",
            "action",
            "resource_type",
            "resource_id",
            "before",
            "after",
        ]
        read_only_fields = fields
