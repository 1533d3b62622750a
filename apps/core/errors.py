"""Business refusals. An app's own errors inherit from DomainError; core/http decides the status once."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Kind(StrEnum):
    """What sort of refusal this is; core/http maps each to one HTTP status."""

    INVALID = "INVALID"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    GONE = "GONE"
    CONFLICT = "CONFLICT"
    UNPROCESSABLE = "UNPROCESSABLE"
    TOO_MANY = "TOO_MANY"
    UNAVAILABLE = "UNAVAILABLE"


class DomainError(Exception):
    """A business fact that refuses a command. `code` is stable and documented; `message` says what to do.

    `retry_after` is in whole seconds; `headers` are answered beside it. A class may set either, or an instance.
    `advice` says what a client should do, where the usual words for its kind do not (see docs/errors.md).
    """

    code = "domain_error"
    kind = Kind.INVALID
    message = "The request was refused."
    advice = ""
    retry_after: int | None = None
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str = "", **context: Any) -> None:
        self.message = message or type(self).message
        self.context: Mapping[str, Any] = context
        super().__init__(self.message)


class InvalidValue(DomainError):
    """A value breaks a rule of shape or range."""

    code, kind, message = "invalid_value", Kind.INVALID, "A value is not valid."


class NotFound(DomainError):
    """The object does not exist, or is not the caller's to see."""

    code, kind, message = "not_found", Kind.NOT_FOUND, "There is no such object."


class Conflict(DomainError):
    """The command contradicts the present state."""

    code, kind, message = "conflict", Kind.CONFLICT, "The command conflicts with the present state."


class RoleRequired(DomainError):
    """The caller lacks the role this act needs."""

    code, kind, message = "role_required", Kind.FORBIDDEN, "Your role does not allow this."


class SamePerson(DomainError):
    """Maker and checker must be two people."""

    code, kind = "maker_is_checker", Kind.FORBIDDEN
    message = "The person who requested this cannot approve it: ask a second person."
