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
    """All parts; `failing` names those that are not well."""

    status = serializers.ChoiceField(choices=["ready", "degraded", "unavailable"])
    failing = serializers.ListField(child=serializers.CharField())
    checks = serializers.DictField(child=CheckSerializer())


class SampleSerializer(serializers.Serializer):
    """One value. Its name is the metric's, or of a histogram's parts: `_bucket`, `_sum`, `_count`."""

    name = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField())
    value = serializers.FloatField()


class MetricSerializer(serializers.Serializer):
    """One metric with its samples."""

    type = serializers.ChoiceField(choices=["gauge", "counter", "histogram"])
    help = serializers.CharField()
    samples = SampleSerializer(many=True)


class MetricsSerializer(serializers.Serializer):
    """Metrics by name: docs/metrics.md lists them."""

    metrics = serializers.DictField(child=MetricSerializer())
