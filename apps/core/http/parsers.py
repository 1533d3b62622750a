"""JSON, read strictly: one meaning for every document."""

import codecs
import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer


def _refuse_constant(name: str) -> Any:
    raise ParseError(f"{name} is not JSON.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("A key occurs twice in one object.")
    return found


class StrictJSONParser(JSONParser):
    """Refuses NaN and Infinity, duplicate keys, absurd nesting and numbers, bad UTF-8, and anything but an object."""

    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        encoding = (parser_context or {}).get("encoding", settings.DEFAULT_CHARSET)
        try:
            text = codecs.getreader(encoding)(stream).read()
            document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
        except ParseError:
            raise
        except RecursionError as error:
            raise ParseError("The document is nested too deeply.") from error
        except (ValueError, LookupError) as error:
            raise ParseError("The body is not valid JSON.") from error
        if not isinstance(document, dict):
            raise ParseError("The body must be a JSON object.")
        return document
