"""Closing breaks with four eyes: what officers do, and what they are refused.

What the database refuses is in test_resolutions_database.py, any order of acts in test_resolutions_races.py.
"""

import pytest

from apps.accounts.tests.factories import make_actor
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.core.actor import Actor
from apps.core.errors import RoleRequired, SamePerson
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
from apps.reconciliation.models import Break, Resolution
from apps.reconciliation.tests.acts import assign, explain, refused, reject, written
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
from apps.reconciliation.types import BreakKind, Remedy, ResolutionKind


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
