"""Personal values in the log: committed, shown with their salt, and beyond anyone's reach after an erasure."""

import hashlib
import hmac
import json
from uuid import uuid4

import pytest
import rfc8785

from apps.audit.models import AuditLog
from apps.audit.selectors.disclosures import Disclosure, disclosures_of
from apps.audit.services.trail import log_audit_event
from apps.core import clock
from apps.core.actor import Actor, system_actor
from apps.core.db import fetch_one, unit_of_work
from apps.vault.errors import SubjectErased
from apps.vault.services.erasure import erase_subject


def log(actor: Actor) -> int:
    with unit_of_work():
        return log_audit_event(actor=actor, action="test.seen", resource_type="thing", resource_id="1")


def someone() -> Actor:
    return Actor(user_id=uuid4(), party_id=None, ip_address="192.0.2.7", user_agent="curl/8 é")


def body_of(pk: int) -> str:
    row = fetch_one("SELECT audit_body(e) FROM audit_auditlog e WHERE id = %s", [pk])
    assert row
    return str(row[0])


def verifies(shown: Disclosure, body: str) -> bool:
    """As someone outside does it, from the event's text alone."""
    message = rfc8785.dumps({"name": shown.name, "value": shown.value})
    made = hmac.new(bytes.fromhex(shown.salt), message, hashlib.sha256).hexdigest()
    return made == json.loads(body)["committed"][shown.name]


@pytest.mark.usefixtures("books")
class TestADisclosure:
    def test_verifies_against_the_events_text(self) -> None:
        pk = log(someone())
        shown = disclosures_of(pk)
        assert [(each.event, each.name, each.value) for each in shown] == [
            (pk, "ip", "192.0.2.7"),
            (pk, "user_agent", "curl/8 é"),
        ]
        assert all(verifies(each, body_of(pk)) for each in shown)
        assert "192.0.2.7" not in body_of(pk)

    def test_of_another_value_name_salt_or_event_does_not(self) -> None:
        pk, other = log(someone()), log(someone())
        ip, agent = disclosures_of(pk)
        body = body_of(pk)
        assert not verifies(Disclosure(pk, "ip", "192.0.2.8", ip.salt), body)
        assert not verifies(Disclosure(pk, "user_agent", ip.value, ip.salt), body)
        assert not verifies(Disclosure(pk, "ip", ip.value, agent.salt), body)
        assert not verifies(ip, body_of(other))

    def test_shows_nothing_of_the_system(self) -> None:
        assert disclosures_of(log(system_actor())) == []

    def test_is_never_the_same_twice(self) -> None:
        actor = someone()
        first, second = (json.loads(body_of(log(actor)))["committed"] for _ in range(2))
        assert first["ip"] != second["ip"]


@pytest.mark.usefixtures("books")
class TestAnErasure:
    def test_leaves_the_text_and_the_chain_as_they_were_and_nothing_to_show(self) -> None:
        actor = someone()
        pk = log(actor)
        before = body_of(pk)
        assert actor.user_id
        with unit_of_work():
            erase_subject(actor=system_actor(), subject=actor.user_id, now=clock.now())
        assert body_of(pk) == before
        with pytest.raises(SubjectErased):
            disclosures_of(pk)
        after = log(system_actor())
        following = AuditLog.objects.get(pk=after)
        assert following.prev_hash is not None
        assert bytes(following.prev_hash) == hashlib.sha256(b"\0" + before.encode()).digest()

    def test_keeps_nothing_of_who_comes_back(self) -> None:
        actor = someone()
        assert actor.user_id
        with unit_of_work():
            erase_subject(actor=system_actor(), subject=actor.user_id, now=clock.now())
        pk = log(actor)
        assert disclosures_of(pk) == []
        assert json.loads(body_of(pk))["committed"] == {}
