"""GET /api/compliance/audit-logs/<id>/proof, /heads and /consistency: an auditor believes the public key alone."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit import tree
from apps.audit.heads import Head, HeadSigner, verify_head
from apps.audit.models import AuditHead
from apps.audit.testing import sequence
from apps.audit.tests.test_sequencing import write

URL = "/api/compliance/audit-logs"
PUBLIC_KEY = HeadSigner(settings.AUDIT_LOG.seed).public_key


def get(path: str, role: Role = Role.COMPLIANCE, **query: Any) -> Any:
    return api_client(make_user(role=role)).get(f"{URL}{path}?{urlencode(query)}")


def data(path: str, **query: Any) -> Any:
    answer = get(path, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def refused(path: str, **query: Any) -> tuple[int, str]:
    answer = get(path, **query)
    return answer.status_code, answer.json()["error"]["code"]


def believed(head: dict[str, Any]) -> dict[str, Any]:
    """The head, if our key signed it."""
    signed = Head(head["log"], head["size"], bytes.fromhex(head["root"]), datetime.fromisoformat(head["time"]))
    verify_head(signed, bytes.fromhex(head["signature"]), PUBLIC_KEY)
    return head


def verify(proof: dict[str, Any]) -> None:
    """From the event's text to the signature, with what the answer says and nothing else."""
    leaf = tree.leaf_hash(proof["body"].encode())
    assert leaf.hex() == proof["leaf_hash"]
    path = [bytes.fromhex(one) for one in proof["path"]]
    head = believed(proof["head"])
    tree.verify_inclusion(leaf, proof["index"], head["size"], path, bytes.fromhex(head["root"]))


@pytest.mark.usefixtures("books")
class TestProofs:
    def test_of_every_event_lead_to_the_signed_root(self) -> None:
        written = write(7)
        sequence()
        for event in written:
            proof = data(f"/{event}/proof")
            assert proof["event"] == event
            assert f'"event":{event},' in proof["body"]
            verify(proof)

    def test_lead_to_an_earlier_head_too(self) -> None:
        event = write(1)[0]
        sequence()
        earlier = data("/heads", limit=1)["results"][0]["size"]
        write(5)
        sequence()
        proof = data(f"/{event}/proof", size=earlier)
        assert proof["head"]["size"] == earlier
        verify(proof)
        assert data(f"/{event}/proof")["head"]["size"] > earlier

    def test_are_refused_for_no_event_no_head_and_one_that_is_not_signed_yet(self) -> None:
        event = write(1)[0]
        sequence()
        size = data("/heads", limit=1)["results"][0]["size"]
        for number in (0, event + 10**6, 2**63, 10**30):
            assert refused(f"/{number}/proof") == (404, "not_found")
        assert get("/-1/proof").status_code == get("/x/proof").status_code == 404
        assert refused(f"/{event}/proof", size=size + 1) == (404, "not_found")
        for wrong in (0, "x", -1, 2**63, ""):
            assert get(f"/{event}/proof", size=wrong).status_code == 400
        fresh = write(1)[0]
        answer = get(f"/{fresh}/proof")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_sequenced_yet")
        assert answer["Retry-After"] == "2"
        sequence()
        assert refused(f"/{fresh}/proof", size=size) == (409, "not_sequenced_yet")
        verify(data(f"/{fresh}/proof"))


@pytest.mark.usefixtures("books")
class TestHeads:
    def test_are_listed_newest_first_each_signed(self) -> None:
        client = api_client(make_user(role=Role.OPS))
        for _ in range(3):
            write(4)
            sequence()
        small, middle, large = AuditHead.objects.order_by("size").values_list("size", flat=True)
        first = client.get(f"{URL}/heads?limit=2").json()["data"]
        assert [believed(head)["size"] for head in first["results"]] == [large, middle]
        rest = client.get(first["next"]).json()["data"]
        assert ([head["size"] for head in rest["results"]], rest["has_more"]) == ([small], False)
        ordered = client.get(f"{URL}/heads?ordering=size").json()["data"]["results"]
        assert [head["size"] for head in ordered] == [small, middle, large]
        later = client.get(f"{URL}/heads?{urlencode({'at__gte': ordered[1]['time']})}").json()["data"]["results"]
        assert [head["size"] for head in later] == [large, middle]


@pytest.mark.usefixtures("books")
class TestConsistency:
    def test_is_proved_between_any_sizes_a_head_has_reached(self) -> None:
        for _ in range(3):
            write(5)
            sequence()
        heads = {head["size"]: believed(head)["root"] for head in data("/heads")["results"]}
        end = max(heads) + 1
        for first in range(1, end):
            for second in range(first, end):
                found = data("/consistency", **{"from": first, "to": second})
                assert (found["from"], found["to"]) == (first, second)
                old, new = found["from_root"], found["to_root"]
                assert heads.get(first, old) == old
                assert heads.get(second, new) == new
                path = [bytes.fromhex(one) for one in found["path"]]
                tree.verify_consistency(first, second, path, bytes.fromhex(old), bytes.fromhex(new))

    def test_is_refused_beyond_the_log_and_for_what_is_no_pair_of_sizes(self) -> None:
        size = AuditHead.objects.latest("size").size
        write(1)
        assert refused("/consistency", **{"from": 1, "to": size + 1}) == (422, "beyond_the_log")
        assert refused("/consistency", **{"from": 1, "to": 2**63 - 1}) == (422, "beyond_the_log")
        for wrong in ({}, {"from": 1}, {"to": 1}, {"from": 3, "to": 2}, {"from": 0, "to": 2}, {"from": "a", "to": 2}):
            assert get("/consistency", **wrong).status_code == 400
        assert get("/consistency", **{"from": 1, "to": 2, "x": 1}).status_code == 400


@pytest.mark.usefixtures("books")
class TestReaders:
    @pytest.mark.parametrize("path", ["/heads", "/consistency", "/1/proof"])
    def test_are_officers_only(self, path: str) -> None:
        for role in (Role.INVESTOR, Role.ISSUER):
            assert get(path, role=role).status_code == 403
        assert Client().get(URL + path).status_code == 401
