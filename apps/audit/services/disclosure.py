"""Giving somebody the personal values of events with what proves them, and recording that it was done."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from apps.audit.errors import NothingToDisclose, NotSequencedYet
from apps.audit.models import AuditLeaf, AuditLog
from apps.audit.selectors.disclosures import Disclosure, disclosures_of
from apps.audit.services.trail import log_audit_event
from apps.audit.types import RecordClass
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.core.errors import InvalidValue, NotFound
from apps.core.ids import new_id
from apps.vault.errors import SubjectErased

DISCLOSED = "audit.disclosed"
MOST = 100


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A value with the salt (hex) that makes the commitment in the text of the event at `index`."""

    index: int
    name: str
    value: str
    salt: str


def disclose(*, actor: Actor, events: Sequence[int]) -> list[Disclosed]:
    """The personal values of these events, in the order of the log, as the offline verifier takes them.

    That they were given, to whom and of which events, is recorded before they are returned; the values are not. Raises
    InvalidValue for none or more than MOST; NotFound for no such event, or one that has expired; NotSequencedYet;
    NothingToDisclose where nothing personal was known; SubjectErased; KeyUnavailable; Unreadable. Then none is given.
    """
    wanted = sorted(set(events))
    if not 0 < len(wanted) <= MOST:
        raise InvalidValue(f"Name 1 to {MOST} events.", field="events")
    found = [each for event in wanted for each in _of(event)]
    rows = AuditLog.objects.filter(pk__in=wanted).values_list("user_id", flat=True)
    told = {
        "events": wanted,
        "names": sorted({each.name for each in found}),
        "subjects": sorted({str(user) for user in rows if user}),
    }
    with unit_of_work():
        log_audit_event(
            actor=actor,
            action=DISCLOSED,
            resource_type="audit_disclosure",
            resource_id=new_id(),
            after=told,
            record_class=RecordClass.SECURITY_EVENTS,
        )
    return sorted(found, key=lambda each: (each.index, each.name))


def disclosure_file(found: Sequence[Disclosed]) -> bytes:
    """The file that the offline verifier takes as --disclosure."""
    return json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False).encode() + b"\n"


def _of(event: int) -> list[Disclosed]:
    index = AuditLeaf.objects.filter(event=event).values_list("index", flat=True).first()
    try:
        shown: list[Disclosure] = disclosures_of(event)
    except AuditLog.DoesNotExist:
        gone = "has expired: its text is gone" if index is not None else "does not exist"
        raise NotFound(f"Event {event} {gone}.", event=event) from None
    except SubjectErased:
        raise SubjectErased(
            f"The person of event {event} has been erased: nobody can show its values any more.", event=event
        ) from None
    if index is None:
        raise NotSequencedYet(f"Event {event} has no place in the log yet: try again in a few seconds.", event=event)
    if not shown:
        raise NothingToDisclose(f"Event {event} was written without an address or user agent.", event=event)
    return [Disclosed(index, each.name, each.value, each.salt) for each in shown]
