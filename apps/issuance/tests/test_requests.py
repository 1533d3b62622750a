"""Asking for new securities."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connections

from apps.accounts.tests.factories import make_actor, make_party
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.compliance.errors import TransferRestricted
from apps.compliance.models import EligibilityDecision
from apps.core import clock
from apps.core.errors import DomainError, InvalidValue
from apps.issuance.errors import AuthorizedExceeded, HolderUnclear, RequestIdReused, UnknownHolder
from apps.issuance.models import IssuanceControl, IssuanceRequest
from apps.issuance.selectors.issuances import issued_totals
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.factories import Issue, make_address, make_holder, make_issue, make_live
from apps.issuance.types import IssuanceDraft, IssuanceView
from apps.securities.errors import UnknownSecurity
from apps.securities.tests.factories import make_security


@pytest.fixture(scope="class")
def issue(books: str) -> Iterator[Issue]:
    return make_issue(authorized=1_000)


def ask(issue: Issue, draft: IssuanceDraft) -> IssuanceView:
    return request_issuance(actor=issue.maker_actor, draft=draft, now=clock.now())


def counts() -> tuple[int, int, list[int]]:
    reserved = list(IssuanceControl.objects.values_list("reserved", flat=True))
    return IssuanceRequest.objects.count(), AuditLog.objects.count(), reserved


def race(workers: int, work: Callable[[int], object]) -> list[object]:
    """Run `work` from a barrier on connections of their own; results, or the business errors raised."""
    barrier = Barrier(workers)

    def one(number: int) -> object:
        try:
            barrier.wait()
            return work(number)
        except DomainError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, range(workers)))


class TestRequestIssuance:
    def test_reserves_the_quantity_for_the_holders_wallet(self, issue: Issue) -> None:
        view = ask(issue, issue.draft(quantity="10"))
        assert (view.status, view.quantity, view.wallet_address) == ("REQUESTED", 10, issue.wallet)
        assert (view.requested_by, view.approved_by, view.intent_id) == (issue.maker.pk, None, None)
        assert issued_totals(issue.security.isin).reserved == 10
        row = AuditLog.objects.get(action="issuance.requested", resource_id=str(view.id))
        assert row.after["quantity"] == "10"
        assert EligibilityDecision.objects.filter(party_id=issue.holder.pk, action="ISSUANCE", allowed=True).exists()

    def test_takes_a_wallet_for_its_owner(self, issue: Issue) -> None:
        view = ask(issue, issue.draft(party_id=None, wallet_address=issue.wallet.upper().replace("X", "x")))
        assert (view.party_id, view.wallet_address) == (issue.holder.pk, issue.wallet)

    def test_answers_a_repetition_with_the_same_issuance(self, issue: Issue) -> None:
        draft = issue.draft()
        first = ask(issue, draft)
        before = counts()
        assert ask(issue, draft) == first
        assert counts() == before

    @pytest.mark.parametrize("change", [{"quantity": "11"}, {"party_id": None, "wallet_address": "0x" + "ab" * 20}])
    def test_refuses_a_used_id_for_other_content(self, issue: Issue, change: dict[str, object]) -> None:
        draft = issue.draft()
        ask(issue, draft)
        before = counts()
        changed = IssuanceDraft(
            draft.client_request_id,
            draft.isin,
            str(change.get("quantity", draft.quantity)),
            change.get("party_id", draft.party_id),
            change.get("wallet_address"),
        )
        with pytest.raises(RequestIdReused):
            ask(issue, changed)
        assert counts() == before

    @pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "ten", "1e3", "9" * 39])
    def test_refuses_a_quantity_that_is_none(self, issue: Issue, quantity: str) -> None:
        before = counts()
        with pytest.raises(InvalidValue):
            ask(issue, issue.draft(quantity=quantity))
        assert counts() == before

    def test_refuses_more_than_is_authorized(self, issue: Issue) -> None:
        before = counts()
        with pytest.raises(AuthorizedExceeded):
            ask(issue, issue.draft(quantity="1000"))
        assert counts() == before

    def test_hides_another_issuers_security(self, issue: Issue) -> None:
        stranger = make_actor(role=Role.ISSUER)
        with pytest.raises(UnknownSecurity):
            request_issuance(actor=stranger, draft=issue.draft(), now=clock.now())

    def test_refuses_an_ineligible_holder_and_records_only_that(self, issue: Issue) -> None:
        party = make_party()
        before = counts()
        with pytest.raises(TransferRestricted) as refused:
            ask(issue, issue.draft(party_id=party.pk))
        assert refused.value.context["reasons"][0]["code"] == "NO_PROFILE"
        assert counts() == before
        assert EligibilityDecision.objects.filter(party_id=party.pk, allowed=False).count() == 1

    def test_refuses_a_wallet_nobody_proved_and_a_party_nobody_knows(self, issue: Issue) -> None:
        with pytest.raises(UnknownHolder):
            ask(issue, issue.draft(party_id=None, wallet_address=make_address()))
        with pytest.raises(UnknownHolder):
            ask(issue, issue.draft(party_id=uuid4()))

    def test_refuses_no_holder_and_two(self, issue: Issue) -> None:
        with pytest.raises(HolderUnclear):
            ask(issue, issue.draft(party_id=None))
        with pytest.raises(HolderUnclear):
            ask(issue, issue.draft(wallet_address=issue.wallet))


class TestRaces:
    def test_never_exceed_the_authorized_quantity(self, books: str) -> None:
        issue = make_issue(authorized=100)
        drafts = [issue.draft(quantity="30") for _ in range(8)]
        outcomes = race(8, lambda n: ask(issue, drafts[n]))
        assert sum(isinstance(o, IssuanceView) for o in outcomes) == 3
        assert sum(isinstance(o, AuthorizedExceeded) for o in outcomes) == 5
        assert issued_totals(issue.security.isin).reserved == 90

    def test_of_one_request_id_make_one_issuance(self, books: str) -> None:
        issue = make_issue(authorized=100)
        draft = issue.draft(quantity="30")
        outcomes = race(8, lambda _: ask(issue, draft))
        assert {o.id for o in outcomes} == {outcomes[0].id}
        assert issued_totals(issue.security.isin).reserved == 30

    def test_of_one_request_id_for_two_securities_make_one_issuance(self, books: str) -> None:
        first = make_issue()
        other = make_security(actor=first.maker_actor)
        make_live(other.isin)
        party, _ = make_holder(other.isin)
        drafts = [first.draft(client_request_id="same"), IssuanceDraft("same", other.isin, "10", party_id=party.pk)]
        outcomes = race(2, lambda n: ask(first, drafts[n]))
        assert sum(isinstance(o, RequestIdReused) for o in outcomes) == 1
        assert IssuanceRequest.objects.filter(client_request_id="same").count() == 1
