"""Refusals that can be had without end: logins that do not hold, and asking too often. Recorded, in bounded number."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from limits import RateLimitItemPerMinute
from pytest_django import fixtures

from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.audit.services.refusals import OF_UNKNOWN, record_refusal
from apps.core.actor import Actor

ME, ORDERS = "/api/accounts/me", "/api/dex/orders"
REPORT = "/api/compliance/reports/failed-access"


@pytest.fixture(autouse=True)
def own_counters(books: str, settings: fixtures.Settings) -> None:
    """Counters that no other test counts on: their names are keyed by the secret."""
    settings.SECRET_KEY = uuid4().hex * 2


def unknown(token: str = "", address: str = "192.0.2.60") -> ApiClient:
    client = ApiClient(REMOTE_ADDR=address, HTTP_USER_AGENT="scanner/1")
    if token:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def told(status: int, **narrowed: Any) -> list[AuditLog]:
    rows = AuditLog.objects.filter(action="audit.access_refused", **narrowed).order_by("id")
    return [row for row in rows if (row.after or {})["status"] == str(status)]


def reported(**query: Any) -> list[dict[str, Any]]:
    officer = api_client(make_user(role=Role.COMPLIANCE))
    found: list[dict[str, Any]] = officer.get(f"{REPORT}?{urlencode(query)}").json()["data"]["results"]
    return found


class TestALoginThatDoesNotHold:
    @pytest.mark.parametrize("token", ["", "no.such.token"])
    def test_is_in_the_report_with_where_it_came_from(self, token: str) -> None:
        address = f"198.51.100.{1 + len(token)}"
        assert unknown(token, address).get(ME).status_code == 401
        row = reported()[0]
        assert (row["action"], row["resource_type"], row["user"]) == ("audit.access_refused", "me", None)
        assert (row["after"], row["ip"]) == ({"method": "GET", "status": "401"}, address)
        assert row["user_agent"] == "scanner/1"

    def test_is_told_once_a_minute_for_a_caller_and_page(self) -> None:
        before = len(told(401))
        for number in range(20):
            assert unknown(f"guess{number}").get(ME).status_code == 401
        assert len(told(401)) - before == 1
        unknown("guess").get(ORDERS)
        unknown("guess", "192.0.2.61").get(ME)
        assert len(told(401)) - before == 3

    def test_of_any_number_of_addresses_is_told_a_bounded_number_of_times(self) -> None:
        before = len(told(401))
        for number in range(OF_UNKNOWN.amount + 40):
            assert unknown("guess", f"2001:db8:{number:x}::1").get(ME).status_code == 401
        assert len(told(401)) - before == OF_UNKNOWN.amount

    def test_at_the_login_itself_is_recorded_once_by_its_service(self) -> None:
        user = make_user(role=Role.INVESTOR)
        body = {"username": user.username, "password": "wrong wrong wrong"}
        before = len(told(401))
        assert unknown().post("/api/auth/token", body).status_code == 401
        assert len(told(401)) == before
        assert [row["action"] for row in reported(user=user.pk)] == ["accounts.login_refused"]


class TestAskingTooOften:
    def test_is_in_the_report_under_the_callers_name_once_a_minute(self, settings: fixtures.Settings) -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "USER": RateLimitItemPerMinute(1, namespace=uuid4().hex)}
        user = make_user(role=Role.INVESTOR)
        client = api_client(user)
        answers = [client.get(ME).status_code for _ in range(60)]
        assert answers[-1] == 429
        (row,) = told(429, user_id=user.pk)
        assert (row.resource_type, row.after) == ("me", {"method": "GET", "status": "429"})
        assert row.record_class == "security_events"

    def test_to_log_in_is_told_with_the_address(self, settings: fixtures.Settings) -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "LOGINS": RateLimitItemPerMinute(1, namespace=uuid4().hex)}
        client, body = unknown(address="192.0.2.62"), {"username": "nobody", "password": "wrong wrong wrong"}
        assert [client.post("/api/auth/token", body).status_code for _ in range(4)][1:] == [429] * 3
        (row,) = told(429, user_id=None)
        assert (row.ip, row.resource_id) == ("192.0.2.62", "list")

    def test_to_log_in_to_the_officers_site_is_told_too(self, settings: fixtures.Settings) -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "LOGINS": RateLimitItemPerMinute(1, namespace=uuid4().hex)}
        client = Client(REMOTE_ADDR="192.0.2.63")
        form = {"username": "nobody", "password": "wrong wrong wrong"}
        before = len(told(429, user_id=None))
        assert [client.post("/admin/login/", form).status_code for _ in range(3)][1:] == [429] * 2
        (row,) = told(429, user_id=None)[before:]
        assert (row.ip, row.resource_type) == ("192.0.2.63", "admin:login")


class TestARefusal:
    def test_that_cannot_be_recorded_is_a_refusal_still(self) -> None:
        role, before = connection.settings_dict["USER"], len(told(401))
        with connections["owner"].cursor() as owner:
            owner.execute(f"REVOKE INSERT ON audit_auditlog FROM {role}")
            try:
                assert unknown("guess", "192.0.2.64").get(ME).status_code == 401
            finally:
                owner.execute(f"GRANT INSERT ON audit_auditlog TO {role}")
        assert len(told(401)) == before

    def test_of_a_known_user_is_theirs_whatever_the_address(self) -> None:
        user = uuid4()
        for number in range(5):
            actor = Actor(user_id=user, party_id=None, ip_address=f"192.0.2.{70 + number}")
            recorded = record_refusal(actor=actor, page="p", object_id="1", method="GET", status=429)
            assert recorded is (number == 0)
        assert len(told(429, user_id=user)) == 1
