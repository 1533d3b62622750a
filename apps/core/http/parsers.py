"""JSON, read strictly: one meaning for every document."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

# No document of ours needs more. Python's own limit on recursion is no guard: a library that comes with eth-account
# raises it to 100,000, where the parser overruns the C stack and takes the process with it.
MAX_BRACKETS = 1_000


class BodyTooLarge(APIException):
    """More bytes than any of our documents needs."""

    status_code = 413
    default_detail = "The body is too large."


def _refuse_constant(name: str) -> Any:
    raise ParseError(f"{name} is not JSON.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("A key occurs twice in one object.")
    return found


def _whole_number(digits: str) -> int:
    """An integer; minus zero is a slip of the sender, not a number anyone means."""
    if digits == "-0":
        raise ParseError("-0 is not a number here.")
    return int(digits)


def _refuse_deep_nesting(text: str) -> None:
    if text.count("{") + text.count("[") > MAX_BRACKETS:
        raise ParseError("The document is nested too deeply or has too many parts.")


def _refuse_half_characters(text: str, document: Any) -> None:
    """A lone surrogate is no character: it could neither be stored nor answered. Only an escape can make one."""
    if "\\u" in text:
        json.dumps(document, ensure_ascii=False).encode()


class StrictJSONParser(JSONParser):
    """Refuses NaN and Infinity, duplicate keys, absurd nesting and numbers, anything but one object in UTF-8.

    The charset of the Content-Type is not followed: JSON is UTF-8 (RFC 8259), and Python has "charsets" that unzip.
    """

    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        try:
            text = body.decode("utf-8")
            _refuse_deep_nesting(text)
            document = json.loads(
                text, parse_constant=_refuse_constant, parse_int=_whole_number, object_pairs_hook=_unique_keys
            )
            _refuse_half_characters(text, document)
        except ParseError:
            raise
        except RecursionError as error:
            raise ParseError("The document is nested too deeply.") from error
        except ValueError as error:
            raise ParseError("The body is not valid JSON.") from error
        if not isinstance(document, dict):
            raise ParseError("The body must be a JSON object.")
        return document
