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
