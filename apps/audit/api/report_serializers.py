"""Shapes of the compliance reports."""

from typing import Any, ClassVar

from rest_framework import serializers

from apps.audit.api.serializers import PersonalField
from apps.audit.models import AuditLog
from apps.audit.selectors.compliance_reports import Report, shows
from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import IdField, TextField

FORMATS = ["json", "csv"]


class AuditReportQuery(ListQuery):
    """Which period, and of whom."""

    filters = {
        "created_at": moments(),
        "user": Filter(IdField(), column="user_id"),
        "action": Filter(TextField(max_length=64), ONE_OR_MORE),
        "resource_type": Filter(TextField(max_length=64)),
        "resource_id": Filter(TextField(max_length=128)),
        "format": Filter(
            serializers.ChoiceField(
                FORMATS, help_text="csv: all that was asked for as one file, without pages. Left out: json."
            ),
            applied=False,
        ),
    }
    orderings = {"id": ("id",)}
    default_ordering = "-id"
    sequence = "id"

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A period has a beginning before its end, and a file has no pages."""
        first, end = attrs.get("created_at__gte"), attrs.get("created_at__lt")
        if first and end and first >= end:
            raise serializers.ValidationError({"created_at__lt": "The period ends before it begins."})
        if attrs.get("format") == "csv" and "cursor" in attrs:
            raise serializers.ValidationError({"cursor": "A file has no pages: leave it out."})
        return attrs


class DataAccessQuery(AuditReportQuery):
    """With whose data."""

    filters = AuditReportQuery.filters | {
        "subject": Filter(
            IdField(help_text="The party or user whose data was shown."), where=lambda ids: shows(ids[0])
        ),
    }


class AuditReportRowSerializer(serializers.ModelSerializer):
    """One event of a report."""

    id = serializers.IntegerField(help_text="The event's number in the audit trail: its proof is asked for by it.")
    user = IdField(allow_null=True, help_text="Who acted; null where the system did, or nobody known.")
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)

    class Meta:
        model = AuditLog
        fields: ClassVar[list[str]] = [
            "id",
            "created_at",
            "user",
            "party_id",
            "session_id",
            "request_id",
            "action",
            "resource_type",
            "resource_id",
            "before",
            "after",
            "source",
        ]
        read_only_fields = fields


class DataAccessRowSerializer(AuditReportRowSerializer):
    """Who was shown whose data, where."""

    subjects = serializers.SerializerMethodField(help_text="Parties and users whose data was shown.")

    class Meta(AuditReportRowSerializer.Meta):
        fields: ClassVar[list[str]] = [*AuditReportRowSerializer.Meta.fields, "subjects"]

    def get_subjects(self, row: AuditLog) -> list[str]:
        """As the event names them; an event of another kind names none."""
        found: list[str] = (row.after or {}).get("subjects", [])
        return found


class FailedAccessRowSerializer(AuditReportRowSerializer):
    """Who was refused, and from where they came."""

    ip = PersonalField()
    user_agent = PersonalField()

    class Meta(AuditReportRowSerializer.Meta):
        fields: ClassVar[list[str]] = [*AuditReportRowSerializer.Meta.fields, "ip", "user_agent"]


ROWS: dict[Report, type[AuditReportRowSerializer]] = {
    Report.DATA_ACCESS: DataAccessRowSerializer,
    Report.APPROVALS: AuditReportRowSerializer,
    Report.CONFIGURATION: AuditReportRowSerializer,
    Report.FAILED_ACCESS: FailedAccessRowSerializer,
}
