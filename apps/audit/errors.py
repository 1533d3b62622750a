"""Refusals of the audit log."""

from apps.core.errors import DomainError, Kind


class NotSequencedYet(DomainError):
    """The event is written; no signed head covers it yet."""

    code, kind = "not_sequenced_yet", Kind.CONFLICT
    message = "The event is in the log, but no signed head covers it yet. Ask again in a few seconds."
    advice = "Ask again after the seconds in Retry-After."
    retry_after = 2


class BeyondTheLog(DomainError):
    """A size that no signed head has reached."""

    code, kind = "beyond_the_log", Kind.UNPROCESSABLE
    message = "The log has no signed head of this size or beyond."


class TreeDiffers(RuntimeError):
    """What is stored is not what was signed, or not what this leader wrote: nothing is signed over it."""


class LogDiffers(RuntimeError):
    """The log is not the one that was anchored: it was cut, rolled back or written anew. The message says where."""


class PlaceError(Exception):
    """Nothing is anchored, or what was cannot be read. `reason` is a key of WORDS, or the service's own code."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    @property
    def words(self) -> str:
        """The reason, for people."""
        return WORDS.get(self.reason, self.reason)


class PlaceDown(PlaceError):
    """It does not answer, or has no time: later it may."""


class PlaceRefused(PlaceError):
    """It answers that it will not: somebody has to act."""


class PlaceDisagrees(PlaceError):
    """It answers otherwise than a place may in which nothing can be changed."""


class Taken(PlaceError):
    """Something stands there already under this name."""


class NothingThere(PlaceDisagrees):
    """It has nothing of this name and version."""


WORDS = {
    "no_object_lock": "the bucket is not under object lock",
    "version_id_missing": "it names no version: the bucket keeps none",
    "another_version": "it gives another version than the one asked for",
    "other_bytes": "it gives other bytes than were anchored",
    "taken_by_other": "other bytes stand there under its name: somebody else wrote them",
    "retention_missing": "the object is under no retention",
    "retention_mode": "its retention is not in COMPLIANCE mode, so that it can be lifted",
    "retention_short": "its retention ends earlier than was asked for",
    "unreadable_answer": "its answer cannot be read",
    "no_credentials": "there are no credentials for it",
    "circuit_open": "it has failed so often that it is left alone for a while",
    "gone": "it is not there any more",
    "not_a_head": "it is no head of this log under a key of ours",
    "deleted": "its name was deleted there (its versions stay)",
    "not_final": "its block is not final any more",
    "reverted": "its transaction failed",
    "not_configured": "this installation does not know the place",
}


class NothingToDisclose(DomainError):
    """The event says nothing personal."""

    code, kind = "nothing_to_disclose", Kind.CONFLICT
    message = "The event was written without an address or user agent."


class ExpiryTaken(DomainError):
    """Another process is expiring events."""

    code, kind = "audit_expiry_taken", Kind.CONFLICT
    message = "Events are being expired by another process."


class InvalidHold(DomainError):
    """A hold or an ending names nothing, or names it wrongly."""

    code, kind = "invalid_audit_hold", Kind.INVALID
    message = "Say what it is about: a subject, a resource or a time; its reference is 1 to 64 letters, digits and ._:-"


class UnknownAuditHold(DomainError):
    """No such hold, or it is released."""

    code, kind = "unknown_audit_hold", Kind.NOT_FOUND
    message = "There is no such open hold."


class HoldStep(DomainError):
    """What is asked is not the next step of the hold."""

    code, kind = "audit_hold_step", Kind.CONFLICT
    message = "Somebody has done this step, or the one before it is still to come. Look at the hold again."


class EndingTold(DomainError):
    """The record's end is told already."""

    code, kind = "audit_ending_told", Kind.CONFLICT
    message = "Somebody has told this record's end."
