"""Investors over the API: who decides, what is recorded, and what is refused."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError

from apps.accounts.models import User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.compliance.errors import TransferRestricted
from apps.compliance.models import EligibilityDecision, InvestorProfile, KycDecision
from apps.compliance.services.eligibility import decide_many, require_eligible
from apps.compliance.services.investors import ensure_profile
from apps.compliance.testing import eligible_investor
from apps.compliance.types import Action, Subject
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.models import OutboxEvent
from apps.securities.tests.factories import make_security

APPROVE = {"status": "APPROVED", "reason": "passport seen", "accredited": True}


@pytest.fixture
def investor(books: str) -> User:
    user = make_user()
    with unit_of_work():
        ensure_profile(party_id=party_of(user), now=clock.now())
    return user


def party_of(user: User) -> UUID:
    return user.memberships.get().party_id


@pytest.fixture
def officer(books: str) -> ApiClient:
    return api_client(make_user(role=Role.COMPLIANCE))


def decide(client: ApiClient, user: User, **body: object) -> tuple[int, dict]:
    answer = client.post(f"/api/compliance/investors/{party_of(user)}/kyc", body or APPROVE)
    return answer.status_code, answer.json()


class TestAKycDecision:
    def test_approves_and_is_kept_with_audit_and_event(self, officer: ApiClient, investor: User) -> None:
        status, body = decide(officer, investor)
        assert (status, body["data"]["kyc_status"], body["data"]["claim_status"]) == (200, "APPROVED", "NONE")
        assert KycDecision.objects.filter(party_id=party_of(investor), status="APPROVED").count() == 1
        assert OutboxEvent.objects.filter(topic="compliance.kyc_approved", key=str(party_of(investor))).count() == 1
        row = AuditLog.objects.get(action="compliance.kyc_decided", resource_id=str(party_of(investor)))
        assert (row.before["kyc_status"], row.after["kyc_status"]) == ("PENDING", "APPROVED")
        assert "passport" not in str(row.after)

    def test_expires_within_a_year_unless_said_otherwise(self, officer: ApiClient, investor: User) -> None:
        decide(officer, investor)
        expires_at = InvestorProfile.objects.get(pk=party_of(investor)).kyc_expires_at
        assert timedelta(days=364) < expires_at - clock.now() <= timedelta(days=365)

    @pytest.mark.parametrize("days", [-1, 0, 5 * 365])
    def test_refuses_an_expiry_out_of_range(self, officer: ApiClient, investor: User, days: int) -> None:
        expires_at = (clock.now() + timedelta(days=days)).isoformat()
        status, body = decide(officer, investor, **APPROVE, expires_at=expires_at)
        assert (status, body["error"]["code"]) == (400, "invalid_expiry")
        assert InvestorProfile.objects.get(pk=party_of(investor)).kyc_status == "PENDING"

    def test_rejects_and_takes_the_investor_class_away(self, officer: ApiClient, investor: User) -> None:
        decide(officer, investor)
        status, body = decide(officer, investor, status="REJECTED", reason="document withdrawn")
        assert (status, body["data"]["kyc_status"], body["data"]["accredited"]) == (200, "REJECTED", False)
        assert decide(officer, investor, status="REJECTED", reason="again")[0] == 409

    @pytest.mark.parametrize("role", [Role.INVESTOR, Role.ISSUER, Role.OPS])
    def test_is_a_compliance_officers_alone(self, investor: User, role: Role) -> None:
        assert decide(api_client(make_user(role=role)), investor)[0] == 403
        assert not KycDecision.objects.filter(party_id=party_of(investor)).exists()

    def test_of_nobody_is_a_404_and_without_login_a_401(self, officer: ApiClient, investor: User) -> None:
        assert officer.post(f"/api/compliance/investors/{uuid4()}/kyc", APPROVE).status_code == 404
        assert decide(api_client(), investor)[0] == 401

    @pytest.mark.parametrize(
        "change", [{"status": "PENDING"}, {"status": "yes"}, {"accredited": "true"}, {"reason": ""}, {"is_staff": True}]
    )
    def test_refuses_what_is_no_decision(self, officer: ApiClient, investor: User, change: dict) -> None:
        assert decide(officer, investor, **{**APPROVE, **change})[0] == 400

    def test_keeps_the_database_consistent_by_itself(self, investor: User) -> None:
        with pytest.raises(IntegrityError):
            InvestorProfile.objects.filter(pk=party_of(investor)).update(kyc_status="APPROVED")


class TestAProfile:
    def test_is_read_and_declared_by_its_owner(self, investor: User) -> None:
        client = api_client(investor)
        answer = client.patch("/api/compliance/profile", {"tax_residence": "DE", "accreditation_claimed": True}).json()
        assert (answer["data"]["tax_residence"], answer["data"]["accredited"]) == ("DE", False)
        assert client.get("/api/compliance/profile").json()["data"]["accreditation_claimed"] is True

    @pytest.mark.parametrize(
        "body", [{"tax_residence": "XX"}, {"tax_residence": "de"}, {"accredited": True}, {"kyc_status": "APPROVED"}]
    )
    def test_cannot_be_promoted_by_its_owner(self, investor: User, body: dict) -> None:
        assert api_client(investor).patch("/api/compliance/profile", body).status_code == 400
        row = InvestorProfile.objects.get(pk=party_of(investor))
        assert (row.kyc_status, row.accredited, row.tax_residence) == ("PENDING", False, None)

    def test_of_others_is_for_officers(self, officer: ApiClient, investor: User) -> None:
        path = f"/api/compliance/investors/{party_of(investor)}"
        assert officer.get(path).json()["data"]["party_id"] == str(party_of(investor))
        assert str(party_of(investor)) in str(officer.get("/api/compliance/investors").json()["data"]["results"])
        assert api_client(investor).get(path).status_code == 403


class TestEligibility:
    def test_is_recorded_when_it_allows(self, books: str) -> None:
        isin = make_security().isin
        user = eligible_investor(isin, wallet="0x" + "a1" * 20)
        with unit_of_work():
            decision = require_eligible(party_id=party_of(user), isin=isin, action=Action.ORDER, now=clock.now())
        assert (decision.allowed, decision.wallet_address) == (True, "0x" + "a1" * 20)
        assert EligibilityDecision.objects.get(party_id=party_of(user)).allowed

    def test_is_recorded_when_it_refuses_although_all_else_is_rolled_back(self, investor: User) -> None:
        isin = make_security().isin
        with pytest.raises(TransferRestricted) as refused, unit_of_work():
            InvestorProfile.objects.filter(pk=party_of(investor)).update(tax_residence="FR")
            require_eligible(party_id=party_of(investor), isin=isin, action=Action.ISSUANCE, now=clock.now())
        codes = [reason["code"] for reason in refused.value.context["reasons"]]
        assert codes == ["KYC_NOT_APPROVED", "NOT_ACCREDITED", "WALLET_MISSING"]
        assert EligibilityDecision.objects.get(party_id=party_of(investor)).codes == codes
        assert InvestorProfile.objects.get(pk=party_of(investor)).tax_residence is None

    def test_answers_many_subjects_at_once_each_by_its_own_wallet(self, books: str) -> None:
        isin, other = make_security().isin, make_security(active=False).isin
        user = eligible_investor(isin, wallet="0x" + "b2" * 20)
        subjects = [
            Subject("ok", party_of(user), isin, "0x" + "b2" * 20),
            Subject("foreign wallet", party_of(user), isin, "0x" + "c3" * 20),
            Subject("draft", party_of(user), other),
            Subject("unknown security", party_of(user), "XS0000000009"),
            Subject("nobody", uuid4(), isin),
        ]
        with unit_of_work():
            found = decide_many(subjects=subjects, action=Action.SETTLEMENT, now=clock.now())
        assert {ref: decision.codes for ref, decision in found.items()} == {
            "ok": (),
            "foreign wallet": ("WALLET_MISSING",),
            "draft": ("WALLET_NOT_REGISTERED", "SECURITY_NOT_ACTIVE"),
            "unknown security": ("WALLET_NOT_REGISTERED", "SECURITY_UNKNOWN"),
            "nobody": ("NO_PROFILE", "NOT_ACCREDITED", "WALLET_MISSING"),
        }
        assert EligibilityDecision.objects.filter(party_id=party_of(user)).count() == 4
