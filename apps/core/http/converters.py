"""Parts of paths. What has another shape has no address: 404 before any query."""

from django.urls import register_converter
from django.urls.converters import StringConverter


class IsinConverter:
    """`<isin:isin>`: twelve characters in the shape of an ISIN."""

    regex = "[A-Z]{2}[A-Z0-9]{9}[0-9]"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class AnythingConverter(StringConverter):
    """`<anything:rest>`: whatever is left, line feeds too."""

    regex = "(?s:.+)"


register_converter(IsinConverter, "isin")
register_converter(AnythingConverter, "anything")
