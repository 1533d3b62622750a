"""Strict fields tell the OpenAPI document the pattern they enforce."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension


class PatternExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Adds `pattern` to whatever else is known of a text field."""

    target_class = "apps.core.http.serializers.TextField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """The schema of the field."""
        schema: dict[str, Any] = auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)  # noqa: SLF001
        return schema | {"pattern": self.target.pattern}
