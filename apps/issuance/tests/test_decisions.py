"""Approving, rejecting, and how an issuance ends."""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection

from apps.accounts.tests.factories import actor_of, make_actor, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.chain.models import SignerNonce, TokenBinding, TxIntent
from apps.chain.selectors.intents import intent
from apps.chain.types import INTENT_FAILED, TOKEN_LIVE, BindingState
from apps.compliance.errors import TransferRestricted
from apps.core import clock, outbox
from apps.core.daemon import elect
from apps.core.db import unit_of_work
from apps.core.errors import SamePerson
from apps.core.models import OutboxEvent
from apps.core.relay import Relay
from apps.issuance.errors import IssuanceDecided, TokenNotLive, UnknownIssuance
from apps.issuance.models import IssuanceRequest
from apps.issuance.selectors.issuances import issued_totals
from apps.issuance.services.decisions import approve_issuance, reject_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.factories import Issue, make_issue, make_live
from apps.issuance.tests.test_requests import race
from apps.issuance.types import IssuanceView
from apps.ledger.selectors.balances import decimals_of
from apps.securities.selectors.securities import security
from apps.securities.tests.factories import make_security
from apps.settlement.models import ExpectedMovement
from apps.settlement.selectors.movements import movement
from apps.settlement.tests.holders import lose_eligibility
from apps.settlement.types import MOVEMENT_FINAL


@pytest.fixture(scope="class")
def issue(books: str) -> Iterator[Issue]:
    return make_issue(authorized=1_000)


def requested(issue: Issue, quantity: str = "10") -> IssuanceView:
    return request_issuance(actor=issue.maker_actor, draft=issue.draft(quantity=quantity), now=clock.now())


def approved(issue: Issue) -> IssuanceView:
    return approve_issuance(actor=issue.checker_actor, issuance_id=requested(issue).id, now=clock.now())


def state() -> tuple[object, ...]:
    return (
        list(IssuanceRequest.objects.order_by("id").values_list("id", "status", "approved_by", "intent_id")),
        list(SignerNonce.objects.values_list("next", flat=True)),
        TxIntent.objects.count(),
        ExpectedMovement.objects.count(),
        AuditLog.objects.count(),
    )


def tell(topic: str, key: str, payload: dict[str, object]) -> None:
    """An event of another room, dispatched by the real relay."""
    with unit_of_work():
        outbox.publish(topic=topic, key=key, payload=payload)
    leadership = elect("relay")
    while Relay().step(leadership, clock.now()):
        pass


class TestApproveIssuance:
    def test_writes_intent_movement_and_trail_together(self, issue: Issue) -> None:
        asked = requested(issue)
        view = approve_issuance(actor=issue.checker_actor, issuance_id=asked.id, now=clock.now())
        assert (view.status, view.approved_by) == ("SUBMITTED", issue.checker.pk)
        sent = intent(view.intent_id)
        assert (sent.kind, sent.business_key) == ("mint", f"issuance:{view.id}")
        data = bytes(TxIntent.objects.get(pk=view.intent_id).data)
        assert data.hex() == "40c10f19" + issue.wallet[2:].rjust(64, "0") + f"{10:064x}"
        expected = movement(f"issuance:{view.id}")
        assert (expected.asset, expected.wallet_address, expected.amount) == (issue.security.isin, issue.wallet, 10)
        assert expected.intent_id == view.intent_id
        assert AuditLog.objects.filter(action="issuance.approved", resource_id=str(view.id)).count() == 1

    def test_is_refused_to_the_maker_and_changes_nothing(self, issue: Issue) -> None:
        asked = requested(issue)
        before = state()
        with pytest.raises(SamePerson):
            approve_issuance(actor=issue.maker_actor, issuance_id=asked.id, now=clock.now())
        assert state() == before

    def test_by_its_maker_is_refused_by_the_database_itself(self, issue: Issue) -> None:
        asked = requested(issue)
        with pytest.raises(IntegrityError, match="issuance_two_people"), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE issuance_issuancerequest SET approved_by_id = requested_by_id, decided_at = now(),"
                " status = 'SUBMITTED', intent_id = gen_random_uuid() WHERE id = %s",
                [asked.id],
            )

    def test_is_hidden_from_another_issuer(self, issue: Issue) -> None:
        asked = requested(issue)
        with pytest.raises(UnknownIssuance):
            approve_issuance(actor=make_actor(role=Role.ISSUER), issuance_id=asked.id, now=clock.now())

    def test_again_answers_the_same_and_sends_nothing(self, issue: Issue) -> None:
        first = approved(issue)
        before = state()
        again = approve_issuance(actor=issue.checker_actor, issuance_id=first.id, now=clock.now())
        assert again == first
        assert state() == before

    def test_by_two_checkers_at_once_mints_once(self, issue: Issue) -> None:
        asked = requested(issue)
        third = make_user(party=issue.maker.memberships.get().party, role=Role.ISSUER)
        actors = [issue.checker_actor, actor_of(third)]
        outcomes = race(2, lambda n: approve_issuance(actor=actors[n], issuance_id=asked.id, now=clock.now()))
        assert sorted(type(o).__name__ for o in outcomes) == ["IssuanceDecided", "IssuanceView"]
        assert TxIntent.objects.filter(business_key=f"issuance:{asked.id}").count() == 1

    def test_of_a_rejected_request_is_refused(self, issue: Issue) -> None:
        asked = requested(issue)
        reject_issuance(actor=issue.checker_actor, issuance_id=asked.id, now=clock.now())
        with pytest.raises(IssuanceDecided):
            approve_issuance(actor=issue.checker_actor, issuance_id=asked.id, now=clock.now())

    def test_waits_for_a_live_token(self, issue: Issue) -> None:
        asked = requested(issue)
        row = TokenBinding.objects.filter(isin=issue.security.isin)
        with unit_of_work():
            row.update(state=BindingState.DEPLOYED)
        before = state()
        with pytest.raises(TokenNotLive):
            approve_issuance(actor=issue.checker_actor, issuance_id=asked.id, now=clock.now())
        assert state() == before
        with unit_of_work():
            row.update(state=BindingState.LIVE)

    def test_is_refused_when_the_holder_is_no_longer_eligible(self, issue: Issue) -> None:
        asked = requested(issue)
        lose_eligibility(issue.holder)
        before = state()
        with pytest.raises(TransferRestricted):
            approve_issuance(actor=issue.checker_actor, issuance_id=asked.id, now=clock.now())
        assert state() == before


class TestRejectIssuance:
    def test_frees_the_quantity(self, issue: Issue) -> None:
        asked = requested(issue, "400")
        before = issued_totals(issue.security.isin).reserved
        view = reject_issuance(actor=issue.checker_actor, issuance_id=asked.id, now=clock.now())
        assert (view.status, view.rejected_by, view.approved_by) == ("REJECTED", issue.checker.pk, None)
        assert issued_totals(issue.security.isin).reserved == before - 400

    def test_lets_the_maker_withdraw(self, issue: Issue) -> None:
        view = reject_issuance(actor=issue.maker_actor, issuance_id=requested(issue).id, now=clock.now())
        assert view.status == "REJECTED"

    def test_of_an_approved_issuance_is_refused(self, issue: Issue) -> None:
        view = approved(issue)
        with pytest.raises(IssuanceDecided):
            reject_issuance(actor=issue.checker_actor, issuance_id=view.id, now=clock.now())


class TestTheEnd:
    def test_is_completed_when_the_movement_is_final(self, issue: Issue) -> None:
        view = approved(issue)
        before = issued_totals(issue.security.isin)
        for _ in range(2):
            tell(MOVEMENT_FINAL, f"issuance:{view.id}", {"tx_hash": "0x" + "ab" * 32})
        row = IssuanceRequest.objects.get(pk=view.id)
        assert (row.status, row.tx_hash) == ("COMPLETED", "0x" + "ab" * 32)
        after = issued_totals(issue.security.isin)
        assert (after.issued, after.reserved) == (before.issued + 10, before.reserved - 10)
        assert OutboxEvent.objects.filter(topic="issuance.completed", key=str(view.id)).count() == 1

    def test_is_failed_when_the_mint_fails(self, issue: Issue) -> None:
        view = approved(issue)
        before = issued_totals(issue.security.isin)
        payload = {"intent_id": str(view.intent_id), "kind": "mint", "reason": "REVERTED"}
        for _ in range(2):
            tell(INTENT_FAILED, str(view.intent_id), payload)
        row = IssuanceRequest.objects.get(pk=view.id)
        assert (row.status, row.failure_reason) == ("FAILED", "REVERTED")
        assert movement(f"issuance:{view.id}").state == "FAILED"
        after = issued_totals(issue.security.isin)
        assert (after.issued, after.reserved) == (before.issued, before.reserved - 10)
        assert OutboxEvent.objects.filter(topic="issuance.failed", key=str(view.id)).count() == 1

    def test_leaves_other_rooms_movements_alone(self, issue: Issue) -> None:
        before = state()
        tell(MOVEMENT_FINAL, "redemption:1", {"tx_hash": "0x" + "cd" * 32})
        tell(INTENT_FAILED, "x", {"intent_id": "not ours", "kind": "other", "reason": "REVERTED"})
        assert state() == before


@pytest.mark.usefixtures("books")
class TestTokenLive:
    def test_makes_its_security_active_and_known_to_the_books(self) -> None:
        draft = make_security(active=False, quantity_decimals=2, terms={"lot": 100, "min_quantity": 100})
        make_live(draft.isin, 2)
        tell(TOKEN_LIVE, draft.isin, {})
        assert security(draft.isin).status == "ACTIVE"
        assert decimals_of(draft.isin) == 2
