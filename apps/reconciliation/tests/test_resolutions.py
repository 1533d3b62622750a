"""Closing breaks with four eyes: by the services, and by the database where somebody writes past them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.tests.factories import make_actor
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.core.errors import DomainError, RoleRequired, SamePerson
from apps.core.ids import new_id
from apps.core.models import Alert, OutboxEvent
from apps.ledger.errors import InsufficientBalance
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import by_wallet
from apps.reconciliation.errors import (
    BreakChanged,
    BreakClosed,
    NoRemedy,
    NotAcceptable,
    NotAnOfficer,
    ResolutionDecided,
    ResolutionOpen,
    UnknownBreak,
    UnknownResolution,
)
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.services.breaks import assign_break, explain_break
from apps.reconciliation.services.resolutions import reject_resolution
from apps.reconciliation.tests.factories import (
    approve,
    make_asset,
    make_break,
    make_run,
    make_wallet,
    missing,
    propose,
    state_finding,
)
from apps.reconciliation.types import BreakKind, Finding, Remedy, ResolutionKind

APPROVE_BY_SQL = """
UPDATE reconciliation_resolution SET state = 'REJECTED', decided_by = %s, decided_at = now() WHERE id = %s
"""


def written() -> tuple[Any, ...]:
    """All that an act upon breaks writes: a refusal changes none of it."""
    counts = [model.objects.count() for model in (BreakEvent, LedgerTransfer, AuditLog, OutboxEvent)]
    breaks = Break.objects.order_by("pk").values_list("pk", "state", "owner_id", "resolved_at", "accepted")
    resolutions = Resolution.objects.order_by("pk").values_list("pk", "state", "decided_by", "transfer_id")
    return (*counts, list(breaks), list(resolutions))


def refused(error: type[DomainError], act: Callable[[], object]) -> None:
    """The act raises this and leaves everything as it was."""
    before = written()
    with pytest.raises(error), unit_of_work():
        act()
    assert written() == before


def reject(resolution_id: UUID, actor: Actor, reason: str = "not so") -> None:
    with unit_of_work():
        reject_resolution(actor=actor, resolution_id=resolution_id, reason=reason, now=clock.now())


def assign(row: Break, actor: Actor, owner_id: UUID) -> None:
    with unit_of_work():
        assign_break(actor=actor, break_id=row.pk, owner_id=owner_id, now=clock.now())


def explain(row: Break, actor: Actor, text: str = "the registrar's agent") -> None:
    with unit_of_work():
        explain_break(actor=actor, break_id=row.pk, text=text, now=clock.now())


@pytest.fixture
def maker(books: str) -> Actor:
    return make_actor(role=Role.OPS)


@pytest.fixture
def checker(books: str) -> Actor:
    return make_actor(role=Role.COMPLIANCE)


@pytest.fixture
def row(books: str) -> Break:
    return make_break(missing(make_asset(), make_wallet()))


@pytest.fixture
def paused(books: str) -> Break:
    return make_break(state_finding(make_asset()))


class TestAnOwner:
    def test_is_given_and_told(self, row: Break, maker: Actor, checker: Actor) -> None:
        assign(row, maker, checker.user_id)
        event = row.events.get(change="ASSIGNED")
        assert Break.objects.get(pk=row.pk).owner_id == checker.user_id
        assert (event.run_id, event.user_id, event.details) == (None, maker.user_id, {"owner_id": str(checker.user_id)})
        told = OutboxEvent.objects.get(topic="reconciliation.break_assigned", key=str(row.pk))
        assert told.payload == {"break_id": str(row.pk), "owner_id": str(checker.user_id)}
        logged = AuditLog.objects.get(action="reconciliation.break_assigned", resource_id=str(row.pk))
        assert logged.user_id == maker.user_id

    def test_is_given_once(self, row: Break, maker: Actor) -> None:
        assign(row, maker, maker.user_id)
        before = written()
        assign(row, maker, maker.user_id)
        assert written() == before

    def test_is_an_officer(self, row: Break, maker: Actor) -> None:
        for other in (make_actor(role=Role.INVESTOR).user_id, new_id()):
            refused(NotAnOfficer, lambda other=other: assign(row, maker, other))

    def test_is_of_an_open_break(self, row: Break, maker: Actor) -> None:
        make_run(row.isin)
        refused(BreakClosed, lambda: assign(row, maker, maker.user_id))


class TestAnExplanation:
    def test_is_kept_whatever_became_of_the_break(self, row: Break, maker: Actor) -> None:
        explain(row, maker, "first")
        make_run(row.isin)
        explain(row, maker, "second")
        said = row.events.filter(change="EXPLAINED").order_by("pk").values_list("message", "user_id")
        assert list(said) == [("first", maker.user_id), ("second", maker.user_id)]
        assert AuditLog.objects.filter(action="reconciliation.break_explained", resource_id=str(row.pk)).count() == 2


class TestPosting:
    def test_writes_exactly_the_remedy_citing_the_resolution(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        assert Break.objects.get(pk=row.pk).state == "PROPOSED"
        approve(made, checker)
        resolution, closed = Resolution.objects.get(pk=made), Break.objects.get(pk=row.pk)
        transfer = LedgerTransfer.objects.get(pk=resolution.transfer_id)
        assert (transfer.idem_key, transfer.source_ref) == (f"resolution:{made}", f"resolution:{made}")
        assert (transfer.kind, transfer.amount, transfer.state) == ("CORRECTION", 25, "POSTED")
        assert (transfer.debit_account.kind, transfer.credit_account.wallet_address) == (
            "ISSUANCE",
            row.wallet_address,
        )
        assert by_wallet(row.isin) == {row.wallet_address: 25}
        assert (resolution.state, resolution.decided_by) == ("APPROVED", checker.user_id)
        assert (closed.state, closed.resolved_at, closed.accepted) == ("RESOLVED", resolution.decided_at, "")

    def test_is_told_and_logged(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        approve(made, checker)
        payload = {"resolution_id": str(made), "break_id": str(row.pk)}
        for topic in ("resolution_proposed", "break_resolved"):
            assert OutboxEvent.objects.get(topic=f"reconciliation.{topic}", key=str(made)).payload == payload
        logged = AuditLog.objects.get(action="reconciliation.resolution_approved", resource_id=str(row.pk))
        assert logged.user_id == checker.user_id
        assert not Alert.objects.filter(dedup_key=f"reconciliation.breaks:{row.isin}", resolved_at=None).exists()
        changes = row.events.order_by("pk").values_list("change", "user_id")
        assert list(changes)[1:] == [("PROPOSED", maker.user_id), ("RESOLVED", checker.user_id)]

    def test_leaves_the_alert_while_another_break_is_open(self, row: Break, maker: Actor, checker: Actor) -> None:
        make_run(row.isin, missing(row.isin, row.wallet_address), state_finding(row.isin))
        approve(propose(row, maker), checker)
        assert Alert.objects.filter(dedup_key=f"reconciliation.breaks:{row.isin}", resolved_at=None).exists()

    def test_once_more_by_the_same_person_changes_nothing(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        approve(made, checker)
        before = written()
        approve(made, checker)
        assert written() == before

    def test_the_makers_approval_is_refused(self, row: Break, maker: Actor) -> None:
        made = propose(row, maker)
        refused(SamePerson, lambda: approve(made, maker))
        assert by_wallet(row.isin) == {}

    def test_of_what_was_seen_otherwise_since_is_refused(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        make_run(row.isin, missing(row.isin, row.wallet_address, 26))
        refused(BreakChanged, lambda: approve(made, checker))
        reject(made, checker)
        approve(propose(row, maker), checker)
        assert by_wallet(row.isin) == {row.wallet_address: 26}

    def test_of_what_was_seen_the_same_since_goes_through(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        make_run(row.isin, missing(row.isin, row.wallet_address, details={"looked": "again"}))
        approve(made, checker)
        assert by_wallet(row.isin) == {row.wallet_address: 25}

    def test_of_what_the_ledger_cannot_cover_is_refused(self, maker: Actor, checker: Actor) -> None:
        isin, wallet = make_asset(), make_wallet()
        remedy = Remedy(debit=("POSITION", wallet), credit=("ISSUANCE", None), amount=5)
        row = make_break(missing(isin, wallet, kind=BreakKind.MISSING_ON_CHAIN, remedy=remedy))
        made = propose(row, maker)
        refused(InsufficientBalance, lambda: approve(made, checker))
        assert Break.objects.get(pk=row.pk).state == "PROPOSED"

    def test_without_a_remedy_cannot_be_proposed(self, paused: Break, maker: Actor) -> None:
        refused(NoRemedy, lambda: propose(paused, maker))


class TestAccepting:
    def test_closes_a_break_without_an_entry(self, paused: Break, maker: Actor, checker: Actor) -> None:
        before = LedgerTransfer.objects.count()
        made = propose(paused, maker, ResolutionKind.ACCEPT)
        approve(made, checker)
        closed = Break.objects.get(pk=paused.pk)
        assert (closed.state, closed.accepted) == ("RESOLVED", paused.events.get(change="RAISED").fingerprint)
        assert Resolution.objects.get(pk=made).transfer_id is None
        assert LedgerTransfer.objects.count() == before

    def test_of_what_was_seen_otherwise_since_is_refused(self, paused: Break, maker: Actor, checker: Actor) -> None:
        made = propose(paused, maker, ResolutionKind.ACCEPT)
        make_run(paused.isin, state_finding(paused.isin, details={"chain": "partly"}))
        refused(BreakChanged, lambda: approve(made, checker))

    @pytest.mark.parametrize("kind", [kind for kind in BreakKind if kind not in {"PAUSE_STATE", "FROZEN_STATE"}])
    def test_is_refused_where_units_differ(self, kind: BreakKind, maker: Actor) -> None:
        isin = make_asset()
        row = make_break(missing(isin, make_wallet(), kind=kind))
        refused(NotAcceptable, lambda: propose(row, maker, ResolutionKind.ACCEPT))

    def test_is_refused_for_a_balance_changed_past_the_ledger(self, maker: Actor) -> None:
        row = make_break(missing(make_asset(), make_wallet(), kind=BreakKind.AMOUNT, remedy=None))
        refused(NotAcceptable, lambda: propose(row, maker, ResolutionKind.ACCEPT))
        refused(NoRemedy, lambda: propose(row, maker))

    def test_takes_an_action_that_was_undone(self, maker: Actor, checker: Actor) -> None:
        row = make_break(missing(make_asset(), make_wallet(), kind=BreakKind.UNAUTHORISED_ACTION, remedy=None))
        approve(propose(row, maker, ResolutionKind.ACCEPT), checker)
        assert Break.objects.get(pk=row.pk).state == "RESOLVED"


class TestRejecting:
    def test_opens_the_break_again(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        reject(made, checker, "ask the registrar first")
        resolution, again = Resolution.objects.get(pk=made), Break.objects.get(pk=row.pk)
        assert (resolution.state, resolution.decided_by, resolution.transfer_id) == ("REJECTED", checker.user_id, None)
        assert (again.state, again.first_seen_at) == ("OPEN", row.first_seen_at)
        assert row.events.get(change="REJECTED").message == "ask the registrar first"
        assert OutboxEvent.objects.filter(topic="reconciliation.resolution_rejected", key=str(made)).count() == 1
        assert AuditLog.objects.filter(action="reconciliation.resolution_rejected").count() >= 1

    def test_by_the_maker_is_refused(self, row: Break, maker: Actor) -> None:
        made = propose(row, maker)
        refused(SamePerson, lambda: reject(made, maker))

    def test_once_more_by_the_same_person_changes_nothing(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        reject(made, checker)
        before = written()
        reject(made, checker)
        assert written() == before


class TestRefusals:
    def test_of_people_who_are_no_officers(self, row: Break, maker: Actor) -> None:
        made, other = propose(row, maker), make_actor(role=Role.ISSUER)
        refused(RoleRequired, lambda: assign(row, other, maker.user_id))
        refused(RoleRequired, lambda: explain(row, other))
        refused(RoleRequired, lambda: propose(row, other))
        refused(RoleRequired, lambda: approve(made, other))
        refused(RoleRequired, lambda: reject(made, other))
        refused(RoleRequired, lambda: approve(new_id(), other))

    def test_of_what_is_not_there(self, row: Break, maker: Actor) -> None:
        ghost = Break(pk=new_id())
        refused(UnknownBreak, lambda: assign(ghost, maker, maker.user_id))
        refused(UnknownBreak, lambda: explain(ghost, maker))
        refused(UnknownBreak, lambda: propose(ghost, maker))
        refused(UnknownResolution, lambda: approve(new_id(), maker))
        refused(UnknownResolution, lambda: reject(new_id(), maker))

    def test_of_a_second_proposal(self, row: Break, maker: Actor, checker: Actor) -> None:
        propose(row, maker)
        refused(ResolutionOpen, lambda: propose(row, checker))

    def test_of_a_second_decision(self, row: Break, maker: Actor, checker: Actor) -> None:
        made, third = propose(row, maker), make_actor(role=Role.OPS)
        reject(made, checker)
        refused(ResolutionDecided, lambda: approve(made, checker))
        refused(ResolutionDecided, lambda: reject(made, third))

    def test_of_a_proposal_for_what_is_closed(self, row: Break, maker: Actor, checker: Actor) -> None:
        approve(propose(row, maker), checker)
        refused(BreakClosed, lambda: propose(row, maker))

    def test_of_a_decision_after_the_break_was_cleared(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        make_run(row.isin)
        refused(ResolutionDecided, lambda: approve(made, checker))


def run_alone(statement: str, params: list[Any]) -> None:
    """One statement as the application's role, in a transaction of its own."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


class TestTheDatabase:
    """What the application's role is refused when it writes past the services."""

    def test_38_refuses_one_person_for_both(self, row: Break, maker: Actor) -> None:
        made, before = propose(row, maker), written()
        with pytest.raises(IntegrityError, match="recon_resolution_two_people"):
            run_alone(APPROVE_BY_SQL, [maker.user_id, made])
        assert written() == before

    def test_a_resolution_begins_as_a_proposal(self, row: Break, maker: Actor) -> None:
        before = written()
        with pytest.raises(IntegrityError, match="begins as a proposal"):
            run_alone(
                """
                INSERT INTO reconciliation_resolution (id, found_id, kind, state, reason, asset, fingerprint,
                    proposed_by, proposed_at, decided_by, decided_at)
                VALUES (%s, %s, 'ACCEPT', 'APPROVED', 'alone', %s, '', %s, now(), %s, now())
                """,
                [new_id(), row.pk, row.isin, maker.user_id, maker.user_id],
            )
        assert written() == before

    def test_a_decided_resolution_stays(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        approve(made, checker)
        before = written()
        for change in ("state = 'PROPOSED', decided_by = NULL", "reason = 'other'", f"decided_by = '{new_id()}'"):
            with pytest.raises(IntegrityError, match="decided once"):
                run_alone(f"UPDATE reconciliation_resolution SET {change} WHERE id = %s", [made])
        assert written() == before

    @pytest.mark.parametrize(
        "change", ["reason = 'other'", "remedy = '{}'", "proposed_by = gen_random_uuid()", "fingerprint = 'ab'"]
    )
    def test_a_proposal_stays_as_it_was_made(self, row: Break, maker: Actor, checker: Actor, change: str) -> None:
        made, before = propose(row, maker), written()
        with pytest.raises(IntegrityError, match="decided once"):
            run_alone(
                "UPDATE reconciliation_resolution SET state = 'REJECTED', decided_by = %s, decided_at = now(), "
                f"{change} WHERE id = %s",
                [checker.user_id, made],
            )
        assert written() == before

    def test_an_approval_names_an_entry_that_cites_it(self, row: Break, maker: Actor, checker: Actor) -> None:
        other = make_break(missing(make_asset(), make_wallet()))
        approve(propose(other, maker), checker)
        stranger, made = LedgerTransfer.objects.latest("pk"), propose(row, maker)
        before = written()
        for transfer_id in (stranger.pk, 2**40):
            with pytest.raises(IntegrityError, match="does not cite it"):
                run_alone(
                    "UPDATE reconciliation_resolution SET state = 'APPROVED', decided_by = %s, decided_at = now(), "
                    "transfer_id = %s WHERE id = %s",
                    [checker.user_id, transfer_id, made],
                )
        assert written() == before

    def test_a_break_is_resolved_by_an_approved_resolution(self, row: Break, maker: Actor) -> None:
        propose(row, maker)
        before = written()
        with pytest.raises(IntegrityError, match="resolved by an approved resolution"):
            run_alone("UPDATE reconciliation_break SET state = 'RESOLVED', resolved_at = now() WHERE id = %s", [row.pk])
        assert written() == before

    def test_an_event_is_of_a_run_or_of_a_person(self, row: Break, maker: Actor) -> None:
        event = row.events.get()
        for run_id, user_id in ((None, None), (event.run_id, maker.user_id)):
            clone = replace_event(event, run_id=run_id, user_id=user_id)
            with pytest.raises(IntegrityError, match="recon_break_event_o"), transaction.atomic():
                clone.save(force_insert=True)

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM reconciliation_break",
            "DELETE FROM reconciliation_resolution",
            "DELETE FROM reconciliation_breakevent",
            "UPDATE reconciliation_breakevent SET message = 'nothing'",
            "TRUNCATE reconciliation_resolution",
        ],
    )
    def test_nothing_goes(self, row: Break, maker: Actor, statement: str) -> None:
        propose(row, maker)
        before = written()
        with pytest.raises(DatabaseError, match="permission denied"):
            run_alone(statement, [])
        assert written() == before


def replace_event(event: BreakEvent, **changes: Any) -> BreakEvent:
    """The same event as another row, but for the changes."""
    stored = {field.attname: getattr(event, field.attname) for field in BreakEvent._meta.concrete_fields}
    return BreakEvent(**(stored | {"id": None} | changes))


ACTS = st.lists(st.sampled_from(["found", "changed", "gone", "propose", "approve", "reject", "own"]), max_size=9)
# What each act makes of a break in each state; an act that is not named is refused, or changes nothing.
NEXT = {
    ("OPEN", "gone"): "CLEARED",
    ("OPEN", "propose"): "PROPOSED",
    ("PROPOSED", "gone"): "CLEARED",
    ("PROPOSED", "approve"): "RESOLVED",
    ("PROPOSED", "reject"): "OPEN",
    ("CLEARED", "found"): "OPEN",
    ("CLEARED", "changed"): "OPEN",
    ("RESOLVED", "changed"): "OPEN",
}


class TestAnyOrderOfActs:
    """The states of an acceptable break, whatever runs and people do to it: a model of nine lines beside the books."""

    @pytest.fixture
    def people(self, books: str) -> Iterator[tuple[Actor, Actor]]:
        return make_actor(role=Role.OPS), make_actor(role=Role.COMPLIANCE)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(acts=ACTS)
    def test_ends_where_the_model_does(self, people: tuple[Actor, Actor], acts: list[str]) -> None:
        maker, checker = people
        seen = state_finding(make_asset())
        row, state, proposed_for, made = make_break(seen), "OPEN", "", None
        for number, act in enumerate(acts):
            if act == "changed":
                seen = replace(seen, details={"chain": number})
            stale = act == "approve" and proposed_for != str(seen.details)
            if act == "propose" and state == "OPEN":
                proposed_for = str(seen.details)
            expected = state if stale else NEXT.get((state, act), state)
            made = perform(act, row, seen, made, maker, checker)
            state = expected
            kept = Break.objects.get(pk=row.pk)
            assert (kept.state, kept.first_seen_at) == (state, row.first_seen_at), (acts, act)
            open_ones = Resolution.objects.filter(found=row, state="PROPOSED").count()
            assert open_ones == int(state == "PROPOSED"), (acts, act)


def perform(act: str, row: Break, seen: Finding, made: UUID | None, maker: Actor, checker: Actor) -> UUID | None:
    """Do it, or be refused; the last proposal there is."""
    try:
        if act in {"found", "changed"}:
            make_run(row.isin, seen)
        elif act == "gone":
            make_run(row.isin)
        elif act == "propose":
            return propose(row, maker, ResolutionKind.ACCEPT)
        elif act == "own" and made:
            approve(made, maker)
        elif act == "approve" and made:
            approve(made, checker)
        elif act == "reject" and made:
            reject(made, checker)
    except DomainError:
        pass
    return made


class TestAtOnce:
    def test_two_who_approve_post_one_entry(self, row: Break, maker: Actor) -> None:
        made, people, barrier = propose(row, maker), [make_actor(role=Role.COMPLIANCE) for _ in range(2)], Barrier(2)

        def decide(person: Actor) -> str:
            try:
                barrier.wait(10)
                approve(made, person)
            except DomainError as refusal:
                return refusal.code
            finally:
                connections.close_all()
            return "done"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(decide, people)) == ["done", "resolution_decided"]
        assert LedgerTransfer.objects.filter(source_ref=f"resolution:{made}").count() == 1
        assert by_wallet(row.isin) == {row.wallet_address: 25}

    def test_a_run_and_an_approval_leave_one_of_two_orders(self, row: Break, maker: Actor, checker: Actor) -> None:
        """The run has read the books before: it is written first and clears nothing, or is void."""
        made, began, barrier = propose(row, maker), clock.now(), Barrier(2)

        def run() -> str:
            try:
                barrier.wait(10)
                found = missing(row.isin, row.wallet_address)
                return str(make_run(row.isin, found, started_at=began).status)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run)
            barrier.wait(10)
            approve(made, checker)
            assert running.result() in {"BREAKS", "VOID"}
        assert Break.objects.get(pk=row.pk).state == "RESOLVED"
        assert LedgerTransfer.objects.filter(source_ref=f"resolution:{made}").count() == 1
