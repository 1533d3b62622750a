"""Legal holds on the admin site: one officer places, two release."""

from uuid import uuid4

import pytest
from django.test import Client

from apps.accounts.models import Party, User
from apps.accounts.tests.factories import make_user
from apps.accounts.types import PartyKind, Role
from apps.audit.models import AuditEnding, AuditHold
from apps.core import clock

PAGE = "/admin/audit/audithold/"
ENDINGS = "/admin/audit/auditending/"
HOLD = {"kind": "SUBJECT", "subject": str(uuid4()), "reason": "LITIGATION", "reference": "case-1"}


@pytest.fixture(scope="class")
def platform(books: str) -> Party:
    return Party.objects.create(
        kind=PartyKind.LEGAL, legal_name="Platform operator", country="US", is_platform=True, created_at=clock.now()
    )


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


class TestComplianceOfficers:
    @pytest.fixture
    def first(self, platform: Party) -> Client:
        return client_of(make_user(party=platform, role=Role.COMPLIANCE))

    @pytest.fixture
    def second(self, platform: Party) -> Client:
        return client_of(make_user(party=platform, role=Role.COMPLIANCE))

    def test_place_alone_and_release_together(self, first: Client, second: Client) -> None:
        assert b"Place a legal hold" in first.get(f"{PAGE}place/").content
        answer = first.post(f"{PAGE}place/", HOLD)
        assert answer.status_code == 302
        hold = AuditHold.objects.get(reference="case-1")
        steps = [(first, "release", 409), (first, "ask", 302), (first, "release", 403), (second, "release", 302)]
        for who, step, status in steps:
            assert who.post(f"{PAGE}{hold.pk}/{step}/").status_code == status, step
        hold.refresh_from_db()
        assert hold.released_by != hold.release_asked_by
        assert hold.released_at is not None

    def test_keep_a_hold_that_somebody_would_release(self, first: Client, second: Client) -> None:
        first.post(f"{PAGE}place/", {"kind": "ALL", "reason": "AUDIT", "reference": "case-2"})
        hold = AuditHold.objects.get(reference="case-2")
        assert first.post(f"{PAGE}{hold.pk}/ask/").status_code == 302
        assert second.post(f"{PAGE}{hold.pk}/keep/").status_code == 302
        assert second.post(f"{PAGE}{hold.pk}/release/").status_code == 409

    @pytest.mark.parametrize(
        "changes",
        [{"kind": ""}, {"kind": "RESOURCE"}, {"subject": "nobody"}, {"reference": "two words"}, {"reason": "X"}],
        ids=str,
    )
    def test_are_told_what_is_wrong(self, first: Client, changes: dict[str, str]) -> None:
        before = AuditHold.objects.count()
        assert first.post(f"{PAGE}place/", HOLD | changes).status_code == 400
        assert AuditHold.objects.count() == before

    def test_tell_and_confirm_an_ending(self, first: Client, second: Client) -> None:
        form = {"record": str(uuid4()), "ended_at": "2020-01-31T12:00", "reference": "case-3"}
        assert first.post(f"{ENDINGS}tell/", form).status_code == 302
        ending = AuditEnding.objects.get(record=form["record"])
        for who, step, status in ((first, "confirm", 403), (second, "confirm", 302), (first, "withdraw", 302)):
            assert who.post(f"{ENDINGS}{ending.pk}/{step}/").status_code == status, step
        ending.refresh_from_db()
        assert ending.withdrawn_at is not None


class TestOthers:
    def test_place_nothing(self, platform: Party) -> None:
        ops = client_of(make_user(party=platform, role=Role.OPS))
        assert ops.get(PAGE).status_code == 200
        assert ops.post(f"{PAGE}place/", HOLD).status_code == 403
        assert not AuditHold.objects.exists()
