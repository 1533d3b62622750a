"""What is left of a person whose keys were destroyed, where others look."""

import pytest
from django.test import Client

from apps.accounts.models import Party
from apps.accounts.selectors.parties import party, party_names
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import PASSWORD, actor_of, make_party, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.core import clock
from apps.vault.errors import SubjectErased
from apps.vault.services.erasure import erase_subject

NAME, USERNAME, ADDRESS = "Zofie Unmistakable", "zofie.unmistakable", "203.0.113.77"


@pytest.mark.usefixtures("books")
class TestAnErasedPerson:
    def test_is_shown_nowhere_and_takes_no_page_along(self) -> None:
        person = make_user(party=make_party(legal_name=NAME), username=USERNAME)
        platform = Party.objects.create(
            kind="LEGAL", legal_name="Platform", country="US", is_platform=True, created_at=clock.now()
        )
        officer = make_user(party=platform, role=Role.COMPLIANCE)
        login = {"username": USERNAME, "password": PASSWORD}
        assert ApiClient(REMOTE_ADDR=ADDRESS).post("/api/auth/token", login).status_code == 200
        (party_id,) = person.memberships.values_list("party_id", flat=True)
        for subject in (party_id, person.pk):
            erase_subject(actor=actor_of(officer), subject=subject, now=clock.now())
        assert (party(party_id).legal_name, party(party_id).country) == ("[erased]", "US")
        assert party_names({party_id, platform.pk}) == {party_id: "[erased]", platform.pk: "Platform"}
        rows = api_client(officer).get("/api/compliance/audit-logs?action=accounts.logged_in").json()["data"]["results"]
        assert [row["ip"] for row in rows if row["user"] == str(person.pk)] == [None]
        me = api_client(person).get("/api/accounts/me").json()["data"]
        assert (me["username"], me["party"]["legal_name"]) == ("[erased]", "[erased]")
        self.officers_pages(officer.pk)
        refused = ApiClient(REMOTE_ADDR=ADDRESS).post("/api/auth/token", login | {"password": "x" * 20})
        assert refused.status_code == 401
        with pytest.raises(SubjectErased):
            _ = AuditLog.objects.get(action="accounts.login_refused", user_id=person.pk).ip

    def officers_pages(self, officer_id: object) -> None:
        client = Client()
        client.force_login(type(make_user()).objects.get(pk=officer_id))
        for page in ("accounts/party", "accounts/user", "audit/auditlog", "accounts/membership"):
            shown = client.get(f"/admin/{page}/")
            assert shown.status_code == 200, page
            assert NAME not in shown.content.decode()
        assert "[subject erased]" in client.get("/admin/accounts/party/").content.decode()
