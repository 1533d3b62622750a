"""Business refusals of the vault. No message says what was encrypted, or with which key."""

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class KeyUnavailable(DomainError):
    """The key of a field cannot be had now: the key service is down, or refuses. Nothing is shown in its place."""

    code, kind = "key_unavailable", Kind.UNAVAILABLE
    message = "A protected field cannot be read or written at this moment: try again later."
    retry_after = 5


class Unreadable(DomainError):
    """A protected value was changed, moved here from elsewhere, or put back from the past. It is never shown."""

    code, kind = "unreadable_ciphertext", Kind.UNAVAILABLE
    message = "A protected field does not pass its check, and is not shown. Operators have been told."
    advice = "Repeating does not help: an operator has to look at the row."


class UnknownKey(Unreadable):
    """A protected value names a key that does not exist."""

    code = "unknown_key"


class SubjectErased(DomainError):
    """The keys of this subject are destroyed: what was protected with them is gone for good."""

    code, kind = "subject_erased", Kind.GONE
    message = "This person's data has been erased."


class SubjectHeld(Conflict):
    """A legal hold forbids the erasure."""

    code, message = "subject_held", "A legal hold lies on this person's data: it cannot be erased."


class UnknownHold(NotFound):
    """No open hold has this reference."""

    code, message = "unknown_hold", "There is no open hold of this reference on this person's data."


class UnknownDocument(NotFound):
    """No stored document has this id."""

    code, message = "unknown_document", "There is no such document."


class DocumentTooLarge(InvalidValue):
    """More bytes than are allowed here."""

    code, message = "document_too_large", "The document is larger than is allowed: nothing of it was kept."


class DocumentsUnavailable(DomainError):
    """The store of documents does not answer."""

    code, kind = "documents_unavailable", Kind.UNAVAILABLE
    message = "Documents cannot be read or stored at this moment: try again later."
    retry_after = 5


class DocumentDamaged(Unreadable):
    """A stored document was changed, cut or exchanged, or is not there."""

    code = "document_damaged"
    message = "The document does not pass its check, and is not shown. Operators have been told."


class RangeNotSatisfiable(InvalidValue):
    """The document has no such bytes."""

    code, message = "range_not_satisfiable", "The document has no such bytes."


class InvalidReference(InvalidValue):
    """A hold's reference is no id of a case or matter."""

    code, message = (
        "invalid_reference",
        "A reference has 1 to 64 letters, digits, dots, dashes, colons and underscores.",
    )


class RotationTaken(Conflict):
    """Another process rotates the keys of this purpose."""

    code, message = "rotation_taken", "Another process is rotating these keys: it goes on there."


class NothingToRotate(Conflict):
    """The purpose has no key yet."""

    code, message = "nothing_to_rotate", "No key of this purpose was ever made: there is nothing to rotate."


class SigningKeyUnavailable(Exception):
    """A key that signs cannot be had, or signs wrongly. `reason` is a short code; it never quotes an answer."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
