"""What no request to the API may be, whatever its address: looked at before anything is read or done."""

import re
from urllib.parse import unquote_to_bytes

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType

_BAD_PERCENT = re.compile(rb"%(?![0-9a-fA-F]{2})")


class LengthRequired(APIException):
    """A body in chunks: this interface would read it as no body at all."""

    status_code = 411
    default_detail = "Send the body with a Content-Length."


class CompressedBody(UnsupportedMediaType):
    """A body that would have to be inflated: a few kilobytes of it could fill any memory."""

    headers = {"Accept-Encoding": "identity"}

    def __init__(self) -> None:
        super().__init__("", "Send the body without Content-Encoding.")


def refuse_malformed(request: HttpRequest) -> None:
    """Raise for a request whose headers or query string have no one meaning. Nothing of its body is read."""
    request.get_host()
    _refuse_query(request.META.get("QUERY_STRING", "").encode("latin-1"))
    _refuse_body(request)
    try:
        _ = request.accepted_types
    except (LookupError, ValueError) as error:
        raise ParseError("The Accept header is malformed.") from error


def _refuse_query(query: bytes) -> None:
    if _BAD_PERCENT.search(query):
        raise ParseError("The query string has a % that encodes nothing.")
    try:
        text = unquote_to_bytes(query).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError("The query string is not UTF-8.") from error
    if "\x00" in text:
        raise ParseError("The query string contains NUL.")


def _refuse_body(request: HttpRequest) -> None:
    if getattr(request, "malformed_content_type", False):
        raise BadRequest("Content-Type")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise CompressedBody
    if "Transfer-Encoding" in request.headers and not request.headers.get("Content-Length"):
        raise LengthRequired
    # Django would decode even the query string by it, and Python has "charsets" that unzip.
    charset = str((request.content_params or {}).get("charset", "utf-8"))
    if charset.lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType("", "JSON is UTF-8: send no other charset.")
