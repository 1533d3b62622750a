"""Legal holds and endings: placed by one, taken away by two, and each step in the log."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.audit.errors import EndingTold, HoldStep, InvalidHold, UnknownAuditHold
from apps.audit.models import AuditEnding, AuditHold, AuditLog
from apps.audit.services import holds
from apps.audit.services.holds import HoldDraft
from apps.audit.types import HoldKind, HoldReason
from apps.core import clock
from apps.core.actor import Actor, system_actor
from apps.core.db import run_sql
from apps.core.errors import DomainError, RoleRequired, SamePerson
from apps.vault.errors import SubjectHeld
from apps.vault.models import SubjectHold
from apps.vault.services.erasure import erase_subject

KINDS: list[dict[str, Any]] = [
    {"kind": HoldKind.SUBJECT, "subject": uuid4()},
    {"kind": HoldKind.RESOURCE, "resource_type": "issuance", "resource_id": "i-1"},
    {"kind": HoldKind.RESOURCE, "resource_type": "issuance"},
    {"kind": HoldKind.PERIOD, "since": clock.now(), "until": clock.now() + timedelta(days=1)},
    {"kind": HoldKind.ALL},
]
WRONG: list[dict[str, Any]] = [
    {"kind": HoldKind.SUBJECT},
    {"kind": HoldKind.SUBJECT, "subject": uuid4(), "resource_type": "issuance"},
    {"kind": HoldKind.RESOURCE},
    {"kind": HoldKind.RESOURCE, "resource_id": "i-1"},
    {"kind": HoldKind.PERIOD, "since": clock.now()},
    {"kind": HoldKind.PERIOD, "since": clock.now(), "until": clock.now() - timedelta(days=1)},
    {"kind": HoldKind.ALL, "resource_id": "i-1"},
    {"kind": HoldKind.ALL, "reference": "two words"},
    {"kind": HoldKind.ALL, "reference": ""},
]


def officer() -> Actor:
    return Actor(user_id=uuid4(), party_id=None, roles=frozenset({"COMPLIANCE"}))


def placed(actor: Actor | None = None, **named: Any) -> UUID:
    draft = HoldDraft(**{"kind": HoldKind.ALL, "reference": "case-1", "reason": HoldReason.AUDIT} | named)
    return holds.place_hold(actor=actor or officer(), draft=draft, now=clock.now())


def told(row: UUID) -> list[str]:
    """What the services recorded of it."""
    events = AuditLog.objects.filter(resource_id=str(row), source="app").order_by("id")
    return [event.action.removeprefix("audit.") for event in events]


def is_open(hold: UUID) -> bool:
    return AuditHold.objects.filter(pk=hold, released_at=None).exists()


@pytest.mark.usefixtures("books")
class TestAHold:
    @pytest.mark.parametrize("named", KINDS, ids=",".join)
    def test_is_placed_by_one_and_released_by_two(self, named: dict[str, Any]) -> None:
        first, second = officer(), officer()
        hold = placed(first, **named)
        with pytest.raises(HoldStep):
            holds.release_hold(actor=second, hold_id=hold, now=clock.now())
        holds.ask_release(actor=first, hold_id=hold, now=clock.now())
        with pytest.raises(SamePerson):
            holds.release_hold(actor=first, hold_id=hold, now=clock.now())
        with pytest.raises(HoldStep):
            holds.ask_release(actor=second, hold_id=hold, now=clock.now())
        assert is_open(hold)
        holds.release_hold(actor=second, hold_id=hold, now=clock.now())
        row = AuditHold.objects.get(pk=hold)
        assert (row.placed_by, row.release_asked_by, row.released_by) == (first.user_id, first.user_id, second.user_id)
        assert told(hold) == ["hold_placed", "hold_release_asked", "hold_release_approved"]
        with pytest.raises(UnknownAuditHold):
            holds.release_hold(actor=second, hold_id=hold, now=clock.now())

    def test_stays_if_the_second_refuses(self) -> None:
        hold = placed()
        holds.ask_release(actor=officer(), hold_id=hold, now=clock.now())
        holds.refuse_release(actor=officer(), hold_id=hold)
        with pytest.raises(HoldStep):
            holds.release_hold(actor=officer(), hold_id=hold, now=clock.now())
        assert is_open(hold)
        assert told(hold) == ["hold_placed", "hold_release_asked", "hold_release_rejected"]

    @pytest.mark.parametrize("named", WRONG, ids=",".join)
    def test_that_names_nothing_is_refused(self, named: dict[str, Any]) -> None:
        before = AuditHold.objects.count()
        with pytest.raises(InvalidHold):
            placed(**named)
        assert AuditHold.objects.count() == before

    @pytest.mark.parametrize("actor", [system_actor(), Actor(uuid4(), None, frozenset({"OPS"}))], ids=["system", "ops"])
    def test_is_compliance_officers_alone(self, actor: Actor) -> None:
        hold = placed()
        acts: list[Callable[[], object]] = [
            lambda: placed(actor),
            lambda: holds.ask_release(actor=actor, hold_id=hold, now=clock.now()),
            lambda: holds.refuse_release(actor=actor, hold_id=hold),
            lambda: holds.release_hold(actor=actor, hold_id=hold, now=clock.now()),
        ]
        for act in acts:
            with pytest.raises(RoleRequired):
                act()

    def test_on_a_subject_is_the_vaults_too(self) -> None:
        subject = uuid4()
        one = placed(kind=HoldKind.SUBJECT, subject=subject, reference="case-7")
        two = placed(kind=HoldKind.SUBJECT, subject=subject, reference="case-7")
        with pytest.raises(SubjectHeld):
            erase_subject(actor=officer(), subject=subject, now=clock.now())
        for number, hold in enumerate((one, two)):
            holds.ask_release(actor=officer(), hold_id=hold, now=clock.now())
            holds.release_hold(actor=officer(), hold_id=hold, now=clock.now())
            held = SubjectHold.objects.filter(subject=subject, released_at=None).exists()
            assert held == (number == 0)

    def test_holds_the_events_of_somebody_who_was_erased(self) -> None:
        subject = uuid4()
        erase_subject(actor=officer(), subject=subject, now=clock.now())
        hold = placed(kind=HoldKind.SUBJECT, subject=subject)
        assert is_open(hold)
        assert not SubjectHold.objects.filter(subject=subject).exists()
        holds.ask_release(actor=officer(), hold_id=hold, now=clock.now())
        holds.release_hold(actor=officer(), hold_id=hold, now=clock.now())
        assert not is_open(hold)

    @pytest.mark.parametrize(
        "change",
        [
            "kind = 'ALL'",
            "subject = gen_random_uuid()",
            "until = now()",
            "reference = 'other'",
            "placed_by = gen_random_uuid()",
            "released_by = gen_random_uuid(), released_at = now()",
            "release_asked_by = placed_by, release_asked_at = now(), released_by = id, released_at = now()",
        ],
    )
    def test_is_not_made_another_nor_released_at_once_by_sql(self, change: str) -> None:
        hold = placed(kind=HoldKind.SUBJECT, subject=uuid4())
        with pytest.raises(IntegrityError), transaction.atomic():
            run_sql(f"UPDATE audit_hold SET {change} WHERE id = %s", [hold])
        with pytest.raises(IntegrityError, match="a legal hold stays"), transaction.atomic():
            run_sql("DELETE FROM audit_hold WHERE id = %s", [hold])
        assert is_open(hold)

    def test_stands_in_the_log_whoever_writes_it(self) -> None:
        hold = placed()
        run_sql("UPDATE audit_hold SET release_asked_by = placed_by, release_asked_at = now() WHERE id = %s", [hold])
        rows = AuditLog.objects.filter(resource_id=str(hold), source="trigger").order_by("id")
        assert [row.action for row in rows] == ["audit_hold.inserted", "audit_hold.updated"]


@pytest.mark.usefixtures("books")
class TestAnEnding:
    def tell(self, record: str = "") -> UUID:
        facts: dict[str, Any] = {"record": record or str(uuid4()), "ended_at": clock.now(), "reference": "case-1"}
        return holds.tell_ending(actor=officer(), now=clock.now(), **facts)

    def test_counts_when_a_second_person_confirms_it(self) -> None:
        first, second = officer(), officer()
        ending = holds.tell_ending(
            actor=first, record="party-1", ended_at=clock.now(), reference="case-1", now=clock.now()
        )
        with pytest.raises(SamePerson):
            holds.confirm_ending(actor=first, ending_id=ending, now=clock.now())
        holds.confirm_ending(actor=second, ending_id=ending, now=clock.now())
        with pytest.raises(HoldStep):
            holds.confirm_ending(actor=officer(), ending_id=ending, now=clock.now())
        assert AuditEnding.objects.get(pk=ending).confirmed_by == second.user_id
        holds.withdraw_ending(actor=first, ending_id=ending, now=clock.now())
        assert told(ending) == ["ending_told", "ending_approved", "ending_revoked"]
        with pytest.raises(UnknownAuditHold):
            holds.withdraw_ending(actor=second, ending_id=ending, now=clock.now())

    def test_is_told_once_and_may_be_told_again_when_taken_back(self) -> None:
        ending = self.tell("party-2")
        with pytest.raises(EndingTold):
            self.tell("party-2")
        holds.withdraw_ending(actor=officer(), ending_id=ending, now=clock.now())
        assert self.tell("party-2") != ending

    @pytest.mark.parametrize(
        "changes", [{"reference": ""}, {"record": ""}, {"ended_at": clock.now() + timedelta(days=9)}], ids=",".join
    )
    def test_that_says_nothing_is_refused(self, changes: dict[str, Any]) -> None:
        before = AuditEnding.objects.count()
        facts = {"record": "party-3", "ended_at": clock.now(), "reference": "case-1"} | changes
        with pytest.raises(DomainError):
            holds.tell_ending(actor=officer(), now=clock.now(), **facts)
        assert AuditEnding.objects.count() == before

    def test_is_not_made_another_by_sql(self) -> None:
        ending = self.tell()
        for change in ("record = 'other'", "ended_at = '2001-01-01Z'"):
            with pytest.raises(IntegrityError, match="an ending stays"), transaction.atomic():
                run_sql(f"UPDATE audit_ending SET {change} WHERE id = %s", [ending])
        with pytest.raises(IntegrityError, match="an ending stays"), transaction.atomic():
            run_sql("DELETE FROM audit_ending WHERE id = %s", [ending])
