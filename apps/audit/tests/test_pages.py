"""Pages of the kit, on the list with the most in it: exact, bound to their list, pinned to a number."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import fixtures

from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.services.trail import log_audit_event
from apps.core.actor import system_actor
from apps.core.db import unit_of_work

URL = "/api/compliance/audit-logs"


def officer() -> ApiClient:
    return api_client(make_user(role=Role.COMPLIANCE))


def write(kind: str, count: int) -> list[int]:
    """So many rows; their ids."""
    with unit_of_work():
        return [
            log_audit_event(actor=system_actor(), action="test.done", resource_type=kind, resource_id="1")
            for _ in range(count)
        ]


def page(client: ApiClient, url: str = URL, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{url}?{urlencode(query)}" if query else url)
    assert answer.status_code == 200, answer.json()
    return answer.json()["data"]


def ids(found: dict[str, Any]) -> list[int]:
    return [row["id"] for row in found["results"]]


def refused(client: ApiClient, url: str) -> tuple[int, str, str]:
    answer = client.get(url)
    (detail,) = answer.json()["error"]["details"]
    return answer.status_code, detail["field"], detail["code"]


def cursor_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["cursor"][0]


@pytest.mark.usefixtures("books")
class TestPages:
    def test_say_truly_whether_there_is_more(self) -> None:
        write("more", 2)
        client = officer()
        whole = page(client, resource_type="more", limit=2)
        assert (whole["has_more"], whole["next"], whole["prev"]) == (False, None, None)
        first = page(client, resource_type="more", limit=1)
        assert (first["has_more"], first["prev"]) == (True, None)
        second = page(client, first["next"])
        assert (second["has_more"], second["next"]) == (False, None)
        again = page(client, second["prev"])
        assert ids(again) == ids(first)
        assert (again["has_more"], again["prev"]) == (True, None)

    def test_ask_for_one_row_more_than_they_show_and_count_nothing(self) -> None:
        write("uncounted", 3)
        client = officer()
        with CaptureQueriesContext(connection) as seen:
            page(client, resource_type="uncounted", limit=1)
        newest, rows = [query["sql"] for query in seen.captured_queries if "audit_auditlog" in query["sql"]]
        assert newest.endswith("LIMIT 1")
        assert rows.endswith("LIMIT 2")
        assert "COUNT(" not in newest + rows


@pytest.mark.usefixtures("books")
class TestACursor:
    def test_is_good_for_its_own_list_only(self) -> None:
        write("bound", 5)
        user = make_user(role=Role.COMPLIANCE)
        client = api_client(user)
        cursor = cursor_of(page(client, resource_type="bound", limit=2)["next"])
        no = (400, "cursor", "invalid_cursor")
        assert refused(client, f"{URL}?cursor={cursor}") == no
        assert refused(client, f"{URL}?resource_type=other&cursor={cursor}") == no
        assert refused(client, f"{URL}?resource_type=bound&action=a&cursor={cursor}") == no
        assert refused(client, f"{URL}?resource_type=bound&ordering=id&cursor={cursor}") == no
        assert refused(client, f"{URL}?resource_type=bound&as_of_sequence=1&cursor={cursor}") == no
        assert refused(officer(), f"{URL}?resource_type=bound&cursor={cursor}") == no
        assert refused(client, f"/api/compliance/investors?cursor={cursor}") == no
        for other in ("", "/"):
            assert len(page(client, f"{URL}{other}?resource_type=bound&limit=3&cursor={cursor}")["results"]) == 3

    @pytest.mark.parametrize("spoil", [str.swapcase, str.upper, lambda c: c[:-1], lambda c: "A" + c])
    def test_that_was_tampered_with_is_refused(self, spoil: Any) -> None:
        write("tampered", 2)
        client = officer()
        cursor = cursor_of(page(client, resource_type="tampered", limit=1)["next"])
        query = urlencode({"resource_type": "tampered", "cursor": spoil(cursor)})
        assert refused(client, f"{URL}?{query}") == (400, "cursor", "invalid_cursor")

    def test_outlives_a_change_of_the_secret_while_the_old_one_is_kept(self, settings: fixtures.Settings) -> None:
        write("rotated", 2)
        client, old = officer(), settings.SECRET_KEY
        link = page(client, resource_type="rotated", limit=1)["next"]
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 60, [old]
        assert len(page(client, link)["results"]) == 1
        settings.SECRET_KEY_FALLBACKS = []
        assert refused(client, link) == (400, "cursor", "invalid_cursor")

    def test_signed_for_something_else_is_refused(self) -> None:
        client = officer()
        assert refused(client, f"{URL}?cursor=%D9%A1") == (400, "cursor", "invalid_cursor")
        for value in ([True, ["1"]], {"a": 1}, "x", None):
            cursor = signing.Signer(salt="apps.core.http.pagination").sign_object(value)
            assert refused(client, f"{URL}?cursor={cursor}") == (400, "cursor", "invalid_cursor")


@pytest.mark.usefixtures("books")
class TestAPinnedList:
    def test_shows_what_was_there_at_its_number(self) -> None:
        client, written = officer(), write("pinned", 4)
        first = page(client, resource_type="pinned", limit=2, ordering="id")
        assert first["as_of_sequence"] == written[-1]
        write("pinned", 2)
        assert len(page(client, resource_type="pinned")["results"]) == 6
        pinned = page(client, resource_type="pinned", as_of_sequence=first["as_of_sequence"], limit=3)
        assert ids(pinned) == written[:0:-1]
        rest = page(client, pinned["next"])
        assert (ids(rest), rest["has_more"], rest["as_of_sequence"]) == ([written[0]], False, written[-1])

    @pytest.mark.parametrize("number", ["", "-1", "1.5", "now", "9" * 19, "9" * 30, "\u0661"])
    def test_needs_a_number_there_can_be(self, number: str) -> None:
        status, field, _ = refused(officer(), f"{URL}?{urlencode({'as_of_sequence': number})}")
        assert (status, field) == (400, "as_of_sequence")

    @pytest.mark.parametrize("ahead", [1, 2**62])
    def test_cannot_be_pinned_to_what_is_yet_to_come(self, ahead: int) -> None:
        client = officer()
        (newest,) = write("future", 1)
        answer = refused(client, f"{URL}?resource_type=future&as_of_sequence={newest + ahead}")
        assert answer == (400, "as_of_sequence", "not_reached")
        assert newest in ids(page(client, resource_type="future", as_of_sequence=newest))

    def test_is_refused_where_nothing_is_counted(self) -> None:
        answer = refused(officer(), "/api/compliance/investors?as_of_sequence=1")
        assert answer == (400, "as_of_sequence", "unknown_field")
