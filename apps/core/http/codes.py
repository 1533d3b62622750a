"""Every error code there is, with its status, its meaning and what a client should do: docs/errors.md is made of this.

The HTTP kit's own codes and the codes of fields stand here; business codes are read from the DomainError classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.conf import settings
from django.urls import get_resolver

from apps.core.errors import DomainError, Kind

STATUS = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.GONE: 410,
    Kind.CONFLICT: 409,
    Kind.UNPROCESSABLE: 422,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
}
ADVICE = {
    Kind.INVALID: "Correct the request; unchanged it will be refused again.",
    Kind.UNAUTHENTICATED: "Log in, and send the new access token.",
    Kind.FORBIDDEN: "Nothing to retry: the caller may not do this.",
    Kind.NOT_FOUND: "Check the id. What belongs to another party is not found either.",
    Kind.GONE: "Nothing to retry: it will not come back.",
    Kind.CONFLICT: "Read the present state, then decide whether the command still makes sense.",
    Kind.UNPROCESSABLE: "The books do not allow it: change the amount, or the state, first.",
    Kind.TOO_MANY: "Wait as many seconds as Retry-After says, then repeat the same request.",
    Kind.UNAVAILABLE: "Repeat the same request later; wait as long as Retry-After says, where it is given.",
}
WORKSHOPS = (".tests.", ".testing")  # errors that tests declare for themselves are nobody's business


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code. `title` is the sentence answered unless the occasion has a better one."""

    code: str
    status: int
    title: str
    meaning: str
    advice: str

    @property
    def address(self) -> str:
        """Where it is explained: the `type` of a problem (RFC 9457)."""
        return f"https://{settings.PUBLIC_DOMAIN}/api/docs/errors#{self.code}"


INVALID = ErrorCode(
    "invalid",
    400,
    "Some fields are not valid.",
    "Fields or query parameters have a wrong type, form or range, are missing, or are unknown.",
    "Correct what `details` names, field by field.",
)
# What the kit itself refuses: one code a status.
KIT = {
    found.status: found
    for found in (
        ErrorCode(
            "bad_request",
            400,
            "The request is malformed.",
            "The body is not one JSON object, or host, address, query or headers are malformed.",
            "Correct the request: the message says what was wrong.",
        ),
        ErrorCode(
            "not_authenticated",
            401,
            "Log in first.",
            "There is no access token, or it is invalid, expired, or its user is disabled.",
            "Log in at POST /api/auth/token and send `Authorization: Bearer <token>`.",
        ),
        ErrorCode(
            "forbidden",
            403,
            "You may not do this.",
            "None of the caller's roles allows this operation.",
            "Nothing to retry: ask for the role.",
        ),
        ErrorCode(
            "not_found",
            404,
            "There is no such address. See /api/docs.",
            "The address, or the object it names, does not exist or is not the caller's to see.",
            "Check the address and the id.",
        ),
        ErrorCode(
            "method_not_allowed",
            405,
            "This address has no such method.",
            "The address exists, but not with this method: the `Allow` header lists those it has.",
            "Use one of the methods allowed.",
        ),
        ErrorCode(
            "not_acceptable",
            406,
            "Answers are JSON.",
            "The Accept header allows neither application/json nor application/problem+json.",
            "Send `Accept: application/json`, or none.",
        ),
        ErrorCode(
            "length_required",
            411,
            "Send the body with a Content-Length.",
            "The body came in chunks of unannounced length.",
            "Send the whole body with a Content-Length.",
        ),
        ErrorCode(
            "too_large",
            413,
            "The body is too large.",
            "The body has more bytes than any document here needs.",
            "Send less.",
        ),
        ErrorCode(
            "unsupported_media_type",
            415,
            "Bodies are JSON in UTF-8, not compressed.",
            "The body is not application/json, is compressed, or is in another charset than UTF-8.",
            "Send plain JSON with `Content-Type: application/json` and no Content-Encoding.",
        ),
        ErrorCode(
            "rate_limited",
            429,
            "Too many requests.",
            "More requests than this caller may send.",
            "Wait as many seconds as Retry-After says.",
        ),
        ErrorCode(
            "internal_error",
            500,
            "Something went wrong on our side. Quote the request id to support.",
            "A fault of ours. Whether a command took effect is not known.",
            "Read the state, or repeat the command with the same client id or Idempotency-Key; quote the request id.",
        ),
        ErrorCode(
            "unavailable",
            503,
            "The service is briefly unavailable: try again.",
            "The database does not answer at this moment.",
            "Repeat the same request after as many seconds as Retry-After says.",
        ),
    )
}
# What `details[].code` may say.
FIELD_CODES = {
    "required": "The field is missing.",
    "null": "The field may not be null.",
    "blank": "The text may not be empty.",
    "empty": "The list may not be empty.",
    "invalid": "The value has a wrong type or form.",
    "invalid_choice": "Not one of the values allowed.",
    "unknown_field": "There is no such field or parameter.",
    "repeated": "The parameter is given more than once.",
    "max_length": "The text is too long.",
    "min_length": "The text is too short.",
    "max_value": "The number is too large.",
    "min_value": "The number is too small.",
    "max_string_length": "Too many digits.",
    "overflow": "The instant cannot be expressed in UTC.",
    "not_a_string": "Not a JSON string.",
    "not_an_integer": "Not a whole number: a JSON integer in a body, ASCII digits in a query.",
    "not_a_boolean": "Neither true nor false.",
    "not_a_list": "Not a JSON list.",
    "not_a_dict": "Not a JSON object.",
    "not_an_amount": 'Not a plain decimal string, such as "12.50".',
    "invalid_isin": "Not an ISIN (ISO 6166), or its check digit is wrong.",
    "invalid_hash": "Not a hash: 0x and 64 hexadecimal digits.",
    "invalid_address": "Not an EVM address: 0x and 40 hexadecimal digits.",
    "invalid_signature": "Not a signature: 0x and 130 hexadecimal digits.",
    "invalid_country": 'Not a country of ISO 3166-1, such as "US".',
    "invalid_username": "Not a username: 3 to 64 of a-z, 0-9, dot, hyphen and underscore.",
    "invalid_client_id": "Not an id of a client's own: 1 to 64 of A-Z a-z 0-9 . _ : and hyphen.",
    "not_a_day": 'Not a day, such as "2026-01-31".',
    "not_an_instant": 'Not an instant with its offset from UTC, such as "2026-01-31T12:00:00Z".',
    "unknown_lookup": "This field cannot be filtered by that comparison.",
    "after_the_end": "The beginning of a range lies behind its end.",
    "not_reached": "The list has not come to this number yet.",
    "invalid_cursor": "Not a cursor of a page of this list.",
    "out_of_range": "The day lies outside the years that are kept.",
    "control_character": "Control characters and those that turn the direction of text are refused.",
    "null_characters_not_allowed": "The text contains NUL.",
    "surrogate_characters_not_allowed": "The text contains half a character.",
}


class ContradictoryCodes(Exception):
    """Two errors share a code but not its status."""


def all_codes() -> dict[str, ErrorCode]:
    """Every code, in alphabetical order. Raises ContradictoryCodes."""
    found: dict[str, ErrorCode] = {}
    for each in (INVALID, *KIT.values(), *map(_described, domain_errors())):
        found[each.code] = joined(found[each.code], each) if each.code in found else each
    return dict(sorted(found.items()))


def domain_errors() -> list[type[DomainError]]:
    """The classes of all apps' business errors, by module and name."""
    for app in apps.get_app_configs():
        if app.name.startswith("apps.") and find_spec(f"{app.name}.errors"):
            import_module(f"{app.name}.errors")
    _ = get_resolver().url_patterns  # and what the views import
    found = {error for error in _below(DomainError) if not any(part in f"{error.__module__}." for part in WORKSHOPS)}
    return sorted(found, key=lambda error: (error.__module__, error.__name__))


def describe(error: DomainError) -> ErrorCode:
    """The code of a business error."""
    return _described(type(error))


def _below(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for each in error.__subclasses__():
        yield each
        yield from _below(each)


def _described(error: type[DomainError]) -> ErrorCode:
    meaning = " ".join((error.__doc__ or "").split())
    return ErrorCode(error.code, STATUS[error.kind], error.message, meaning, error.advice or ADVICE[error.kind])


def joined(one: ErrorCode, other: ErrorCode) -> ErrorCode:
    """One entry for a code that several rooms use."""
    if one.status != other.status:
        raise ContradictoryCodes(f"{one.code}: {one.status} and {other.status}")
    meaning = one.meaning if other.meaning in one.meaning else f"{one.meaning} {other.meaning}"
    return ErrorCode(one.code, one.status, one.title, meaning, one.advice)
