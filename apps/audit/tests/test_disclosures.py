"""Personal values in the log: committed, shown with their salt, and beyond anyone's reach after an erasure."""

import hashlib
import hmac
import json
from dataclasses import replace
from uuid import uuid4

import pytest
import rfc8785

from apps.audit.models import AuditOrigin
from apps.audit.selectors.disclosures import Disclosure, disclosures_of
from apps.audit.selectors.tree import event_proof
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import pass_horizon, sequence
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
    """The text the log was signed over."""
    pass_horizon()
    sequence()
    row = fetch_one("SELECT body FROM audit_text WHERE event = %s", [pk])
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

    def test_is_never_the_same_of_two_people_or_two_sessions(self) -> None:
        actor = someone()
        others = replace(actor, user_id=uuid4()), replace(actor, session_id=uuid4())
        told = [json.loads(body_of(log(each)))["committed"]["ip"] for each in (actor, *others)]
        assert len({*told}) == 3

    def test_is_sealed_once_for_all_events_of_a_session(self) -> None:
        actor = someone()
        first, second = log(actor), log(actor)
        assert AuditOrigin.objects.filter(user_id=actor.user_id).count() == 1
        assert disclosures_of(first)[0].salt == disclosures_of(second)[0].salt

    def test_is_not_of_an_origin_that_was_rolled_back(self) -> None:
        actor = someone()
        with pytest.raises(ZeroDivisionError), unit_of_work():
            log_audit_event(actor=actor, action="test.seen", resource_type="thing", resource_id="1")
            raise ZeroDivisionError
        assert [each.value for each in disclosures_of(log(actor))] == ["192.0.2.7", "curl/8 é"]


@pytest.mark.usefixtures("books")
class TestAnErasure:
    def test_leaves_text_and_proof_as_they_were_and_nothing_to_show(self) -> None:
        actor = someone()
        pk = log(actor)
        before = body_of(pk)
        assert actor.user_id
        with unit_of_work():
            erase_subject(actor=system_actor(), subject=actor.user_id, now=clock.now())
        assert body_of(pk) == before
        assert event_proof(pk).leaf_hash == hashlib.sha256(b"\0" + before.encode()).digest()
        with pytest.raises(SubjectErased):
            disclosures_of(pk)

    def test_keeps_nothing_of_who_comes_back(self) -> None:
        actor = someone()
        assert actor.user_id
        with unit_of_work():
            erase_subject(actor=system_actor(), subject=actor.user_id, now=clock.now())
        pk = log(actor)
        assert disclosures_of(pk) == []
        assert json.loads(body_of(pk))["committed"] == {}
