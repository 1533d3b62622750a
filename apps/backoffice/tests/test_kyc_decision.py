"""The KYC decision on the admin site: one POST, one decision, one audit row."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.test import Client

from apps.accounts.models import Party, User
from apps.accounts.tests.factories import make_user
from apps.accounts.types import PartyKind, Role
from apps.audit.models import AuditLog
from apps.backoffice.tests.stage import pending_investor
from apps.compliance.models import InvestorProfile, KycDecision
from apps.core import clock

LAST_DAY = (clock.now() + timedelta(days=100)).date()
REASON = {"reason": "Passport and address checked."}


def page(party: Party, act: str) -> str:
    return f"/admin/compliance/investorprofile/{party.pk}/{act}/"


def decided(party: Party) -> tuple[str, int, int]:
    """(status, decisions, audit rows) of an investor."""
    return (
        InvestorProfile.objects.get(pk=party.pk).kyc_status,
        KycDecision.objects.filter(party=party).count(),
        AuditLog.objects.filter(action="compliance.kyc_decided", resource_id=str(party.pk)).count(),
    )


@pytest.fixture(scope="class")
def platform(books: str) -> Party:
    return Party.objects.create(
        kind=PartyKind.LEGAL, legal_name="Platform operator", country="US", is_platform=True, created_at=clock.now()
    )


@pytest.fixture
def officer(platform: Party) -> User:
    return make_user(party=platform, role=Role.COMPLIANCE)


@pytest.fixture
def client(officer: User) -> Client:
    client = Client()
    client.force_login(officer)
    return client


@pytest.fixture
def investor(platform: Party) -> Party:
    return pending_investor()


class TestAComplianceOfficer:
    def test_approves_once(self, client: Client, officer: User, investor: Party) -> None:
        form = {**REASON, "accredited": "on", "expires_on": str(LAST_DAY)}
        answer = client.post(page(investor, "approve-kyc"), form, follow=True)
        assert "The identity is approved." in [str(message) for message in answer.context["messages"]]
        assert decided(investor) == ("APPROVED", 1, 1)
        decision = KycDecision.objects.get(party=investor)
        assert (decision.decided_by_id, decision.accredited, decision.reason) == (officer.pk, True, REASON["reason"])
        last = datetime.combine(LAST_DAY, time.max, tzinfo=UTC)
        assert decision.expires_at == last
        row = AuditLog.objects.get(action="compliance.kyc_decided", resource_id=str(investor.pk))
        assert row.user_id == officer.pk
        assert row.ip == "127.0.0.1"
        assert row.request_id

    def test_cannot_send_the_same_page_twice(self, client: Client, investor: Party) -> None:
        assert client.post(page(investor, "approve-kyc"), REASON).status_code == 302
        again = client.post(page(investor, "approve-kyc"), REASON)
        assert again.status_code == 400
        assert "Somebody has decided since" in again.content.decode()
        assert decided(investor) == ("APPROVED", 1, 1)

    def test_rejects_with_a_reason(self, client: Client, investor: Party) -> None:
        assert client.post(page(investor, "reject-kyc"), {"reason": ""}).status_code == 400
        assert decided(investor) == ("PENDING", 0, 0)
        assert client.post(page(investor, "reject-kyc"), REASON).status_code == 302
        assert decided(investor) == ("REJECTED", 1, 1)

    def test_reads_why_the_service_refused(self, client: Client, investor: Party) -> None:
        past = {**REASON, "expires_on": "2020-01-01"}
        answer = client.post(page(investor, "approve-kyc"), past)
        assert answer.status_code == 400
        assert "The expiry must lie in the future, within 1095 days." in answer.content.decode()
        assert decided(investor) == ("PENDING", 0, 0)

    def test_changes_nothing_by_looking(self, client: Client, investor: Party) -> None:
        for act in ("approve-kyc", "reject-kyc"):
            for method in (client.get, client.head):
                assert method(page(investor, act), REASON).status_code == 200
            assert client.put(page(investor, act), REASON).status_code == 403
        assert decided(investor) == ("PENDING", 0, 0)

    def test_must_send_the_token_of_the_page(self, officer: User, investor: Party) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(officer)
        assert strict.post(page(investor, "approve-kyc"), REASON).status_code == 403
        assert decided(investor) == ("PENDING", 0, 0)
        shown = strict.get(page(investor, "approve-kyc"))
        token = str(shown.context["csrf_token"])
        answer = strict.post(page(investor, "approve-kyc"), {**REASON, "csrfmiddlewaretoken": token})
        assert answer.status_code == 302
        assert decided(investor) == ("APPROVED", 1, 1)

    def test_is_told_of_an_unknown_investor(self, client: Client, platform: Party) -> None:
        assert client.get(page(platform, "approve-kyc")).status_code == 404


class TestOperations:
    def test_is_refused_clearly_and_offered_nothing(self, platform: Party, investor: Party) -> None:
        client = Client()
        client.force_login(make_user(party=platform, role=Role.OPS))
        for act in ("approve-kyc", "reject-kyc"):
            for method in (client.get, client.post):
                answer = method(page(investor, act), REASON)
                assert answer.status_code == 403
                assert "Your role does not allow this." in answer.content.decode()
        assert decided(investor) == ("PENDING", 0, 0)
        detail = client.get(f"/admin/compliance/investorprofile/{investor.pk}/change/")
        assert detail.status_code == 200
        assert "approve-kyc" not in detail.content.decode()
