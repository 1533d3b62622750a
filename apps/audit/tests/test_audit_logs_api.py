"""GET /api/compliance/audit-logs."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.audit.services.trail import log_audit_event
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import unit_of_work

URL = "/api/compliance/audit-logs"


def write(count: int, **names: Any) -> list[int]:
    """Rows of one resource type, oldest first."""
    actor = Actor(user_id=names.pop("user_id", None), party_id=names.pop("party_id", None), request_id="r")
    named = {"action": "test.done", "resource_type": "thing"} | names
    with unit_of_work():
        return [log_audit_event(actor=actor, resource_id=n, **named) for n in range(count)]


def get(query: dict[str, Any] | str = "", role: Role = Role.COMPLIANCE) -> Any:
    client = api_client(make_user(role=role))
    return client.get(f"{URL}?{query if isinstance(query, str) else urlencode(query)}")


def ids(answer: Any) -> list[int]:
    return [row["id"] for row in answer.json()["data"]["results"]]


@pytest.mark.usefixtures("books")
class TestAuditLogs:
    def test_answers_the_newest_first(self) -> None:
        written = write(3, resource_type="newest")
        answer = get({"resource_type": "newest"})
        assert answer.status_code == 200
        assert ids(answer) == written[::-1]

    def test_answers_whole_rows(self) -> None:
        user_id, party_id = uuid4(), uuid4()
        (pk,) = write(1, resource_type="whole", user_id=user_id, party_id=party_id, after={"n": 1})
        (row,) = get({"resource_type": "whole"}).json()["data"]["results"]
        assert row.pop("created_at").endswith("Z")
        assert row == {
            "id": pk,
            "user": str(user_id),
            "party_id": str(party_id),
            "session_id": None,
            "request_id": "r",
            "ip": None,
            "user_agent": None,
            "action": "test.done",
            "resource": "whole/0",
            "resource_type": "whole",
            "resource_id": "0",
            "index": None,
            "stream_seq": None,
            "before": None,
            "after": {"n": 1},
            "committed": {},
            "source": "app",
            "record_class": "audit_trail",
        }

    def test_pages_without_gap_or_repeat_while_rows_are_added(self) -> None:
        written = write(25, resource_type="paged")
        client = api_client(make_user(role=Role.OPS))
        url, seen = f"{URL}?resource_type=paged&limit=10", []
        while url:
            answer = client.get(url)
            seen += ids(answer)
            url = answer.json()["data"]["next"]
            write(3, resource_type="paged")
        assert seen == written[::-1]

    def test_never_answers_more_than_five_hundred_rows(self) -> None:
        write(501, resource_type="many")
        assert len(ids(get({"resource_type": "many", "limit": 500}))) == 500
        for limit in (0, 501, 10**9, "ten"):
            assert get({"resource_type": "many", "limit": limit}).status_code == 400

    @pytest.mark.parametrize("name", ["action", "resource_type", "user_id", "party_id"])
    def test_filters_by_each_of_its_filters(self, name: str) -> None:
        mine = {"action": uuid4().hex, "resource_type": uuid4().hex, "user_id": uuid4(), "party_id": uuid4()}
        (pk,) = write(1, **mine)
        write(1, **(mine | {name: uuid4() if name.endswith("_id") else uuid4().hex}))
        assert ids(get({name.replace("user_id", "user"): mine[name]})) == [pk]

    def test_filters_by_resource(self) -> None:
        written = write(3, resource_type="one-of-three")
        assert ids(get({"resource_type": "one-of-three", "resource_id": "1"})) == [written[1]]

    def test_filters_by_a_half_open_range_of_time(self) -> None:
        write(3, resource_type="timed")
        at = AuditLog.objects.filter(resource_type="timed").latest("id").created_at
        later = at + timedelta(seconds=1)
        query = {"resource_type": "timed", "created_at__gte": at.isoformat()}
        assert len(ids(get(query | {"created_at__lt": later.isoformat()}))) >= 1
        assert ids(get(query | {"created_at__lt": at.isoformat()})) == []
        assert ids(get({"resource_type": "timed", "created_at__gte": later.isoformat()})) == []
        assert len(ids(get({"resource_type": "timed", "created_at__lt": later.isoformat()}))) == 3

    @pytest.mark.parametrize(
        "query",
        [
            "unknown=1",
            "user__password__startswith=a",
            "ordering=ip",
            "after__contains=x",
            "action=",
            "action=%00",
            "action=" + "x" * 65,
            "user=1",
            "party_id=not-a-uuid",
            "created_at__gte=yesterday",
            "created_at__gte=2026-13-01T00:00:00Z",
            "created_at__lt=99999999999999999999",
            "cursor=forged",
            "cursor=cD1hYmM%3D",
        ],
    )
    def test_refuses_what_it_does_not_know(self, query: str) -> None:
        answer = get(query)
        assert answer.status_code in {400, 404}, answer.content
        assert answer.json()["success"] is False

    def test_names_the_unknown_filter(self) -> None:
        (error,) = get("unknown=1").json()["error"]["details"]
        assert (error["field"], error["code"]) == ("unknown", "unknown_field")

    @pytest.mark.parametrize("role", [Role.ISSUER, Role.INVESTOR])
    def test_is_for_officers_alone(self, role: Role) -> None:
        assert get(role=role).status_code == 403

    def test_needs_a_login(self) -> None:
        assert api_client().get(URL).status_code == 401

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_offers_no_way_to_write(self, method: str) -> None:
        client = api_client(make_user(role=Role.OPS))
        assert getattr(client, method)(URL).status_code in {403, 405}

    def test_is_stamped_with_the_databases_time(self) -> None:
        before = clock.now()
        write(1, resource_type="stamped")
        stamped = AuditLog.objects.get(resource_type="stamped").created_at
        assert before - timedelta(seconds=1) <= stamped <= clock.now() + timedelta(seconds=1)
