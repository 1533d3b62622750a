"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.audit.models import AuditLog
from apps.core.http.serializers import IdField, StrictSerializer, TextField


class AuditLogQuerySerializer(StrictSerializer):
    """The filters there are: anything else is refused."""

    action = TextField(max_length=64, required=False)
    resource_type = TextField(max_length=64, required=False)
    resource_id = TextField(max_length=128, required=False)
    user_id = IdField(required=False)
    party_id = IdField(required=False)
    request_id = TextField(max_length=64, required=False)
    created_at__gte = serializers.DateTimeField(required=False, help_text="From this instant on.")
    created_at__lt = serializers.DateTimeField(required=False, help_text="Before this instant.")


class AuditLogSerializer(serializers.ModelSerializer):
    """One row of the trail."""

    id = serializers.IntegerField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)

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
