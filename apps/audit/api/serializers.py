"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.audit.models import AuditLog
from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import IdField, TextField


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


class AuditLogSerializer(serializers.ModelSerializer):
    """One row of the trail."""

    id = serializers.IntegerField()
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
