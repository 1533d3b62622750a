"""Officers' pages that show people's data leave one event each in the trail."""

import pytest
from django.test import Client

from apps.accounts.models import Party, User
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog


@pytest.fixture
def officer(books: str) -> User:
    return make_user(role=Role.OPS, party=platform())


def platform() -> Party:
    return Party.objects.filter(is_platform=True).first() or make_party()


def seen_by(user: User) -> list[tuple[str, str, list[str]]]:
    """Page, id and subjects of each event of reading."""
    found = AuditLog.objects.filter(action="audit.data_viewed", user_id=user.pk).order_by("id")
    return [(row.resource_type, row.resource_id, (row.after or {})["subjects"]) for row in found]


def open_page(user: User, url: str) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


class TestAnOfficersPage:
    def test_of_one_party_is_one_event_with_its_id(self, officer: User) -> None:
        party = make_party(legal_name="Ada Example")
        assert "Ada Example" in open_page(officer, f"/admin/accounts/party/{party.pk}/change/")
        assert seen_by(officer) == [("admin:accounts_party_change", str(party.pk), [str(party.pk)])]
        (event,) = AuditLog.objects.filter(action="audit.data_viewed", user_id=officer.pk)
        assert event.ip == "127.0.0.1"
        assert event.request_id
        assert "Ada" not in str(event.after)

    def test_of_many_is_one_event_with_all_it_shows(self, officer: User) -> None:
        parties = {str(make_party().pk) for _ in range(3)}
        open_page(officer, "/admin/accounts/party/")
        ((page, place, subjects),) = seen_by(officer)
        assert (page, place) == ("admin:accounts_party_changelist", "list")
        assert set(subjects) >= parties
        assert subjects == sorted(set(subjects))

    def test_that_shows_a_name_beside_other_things_is_recorded_too(self, officer: User) -> None:
        person = make_user()
        membership = person.memberships.get()
        open_page(officer, f"/admin/accounts/membership/{membership.pk}/change/")
        ((page, place, subjects),) = seen_by(officer)
        assert (page, place) == ("admin:accounts_membership_change", str(membership.pk))
        assert set(subjects) == {str(person.pk), str(membership.party_id)}

    def test_that_shows_nobody_is_not_recorded(self, officer: User) -> None:
        open_page(officer, "/admin/core/enginestate/")
        assert seen_by(officer) == []

    def test_of_oneself_is_not_recorded(self, officer: User) -> None:
        open_page(officer, f"/admin/accounts/user/{officer.pk}/change/")
        assert seen_by(officer) == []

    def test_that_a_role_may_not_see_is_a_refusal(self, officer: User) -> None:
        party, client = make_party(), Client()
        client.force_login(officer)
        assert client.get(f"/admin/accounts/party/{party.pk}/delete/").status_code == 403
        refused = AuditLog.objects.filter(action="audit.access_refused", user_id=officer.pk)
        assert [(row.resource_type, row.resource_id) for row in refused] == [
            ("admin:accounts_party_delete", str(party.pk))
        ]
