"""Shapes of answers."""

from rest_framework import serializers


class HealthSerializer(serializers.Serializer):
    """The process lives."""

    status = serializers.CharField()


class CheckSerializer(serializers.Serializer):
    """One part. One that is not required leaves the service degraded, not down."""

    ok = serializers.BooleanField()
    detail = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field]:
        """`required` is taken on a serializer class, so it joins here."""
        return {**super().get_fields(), "required": serializers.BooleanField()}


class ReadinessSerializer(serializers.Serializer):
    """All parts."""

    status = serializers.ChoiceField(choices=["ready", "degraded", "unavailable"])
    checks = serializers.DictField(child=CheckSerializer())


class MetricsSerializer(serializers.Serializer):
    """Numbers by name."""

    metrics = serializers.DictField(child=serializers.FloatField())
