"""Showing what an event says of a person, to someone who holds the event alone."""

from dataclasses import dataclass

from apps.audit.models import AuditLog


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A value with the salt (hex) that makes the commitment to it: it proves the value, and shows no other."""

    event: int
    name: str
    value: str
    salt: str


def disclosures_of(event: int) -> list[Disclosure]:
    """What can be shown of an event: nothing where nothing personal was known.

    Raises AuditLog.DoesNotExist; SubjectErased where the person is forgotten: the proof of the event stays good, and
    nobody can say or guess the value any more. Raises KeyUnavailable, Unreadable.
    """
    row = AuditLog.objects.get(pk=event)
    salts: dict[str, str] = (row.origin.salts if row.origin else None) or {}
    return [Disclosure(event, name, getattr(row, name), salt) for name, salt in sorted(salts.items())]
