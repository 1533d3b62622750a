"""Notifications: from an event in the outbox to what a user reads, once."""

import pytest

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.core import clock, outbox
from apps.core.daemon import elect
from apps.core.db import unit_of_work
from apps.core.registry import Event
from apps.core.relay import Relay
from apps.dex.services.orders import place_order
from apps.dex.testing import Market
from apps.notifications import consumers
from apps.notifications.models import Notification, NotificationTemplate
from apps.notifications.services.notify import render


def dispatch(topic: str, payload: dict[str, str]) -> int:
    """Publish and relay one event; its id."""
    with unit_of_work():
        event_id = outbox.publish(topic=topic, key="k", payload=payload)
    relay()
    return event_id


def relay() -> None:
    leadership = elect("relay")
    assert leadership is not None
    while Relay().step(leadership, clock.now()):
        pass


def told(user: User) -> list[str]:
    return [n.topic for n in Notification.objects.filter(user=user).order_by("id")]


@pytest.mark.usefixtures("books")
class TestNotifications:
    def test_tell_every_user_of_the_party_and_nobody_else(self) -> None:
        party = make_party()
        first, second, other = make_user(party=party), make_user(party=party), make_user()
        dispatch("compliance.kyc_approved", {"party_id": str(party.pk)})
        assert (told(first), told(second), told(other)) == (["KYC_APPROVED"], ["KYC_APPROVED"], [])

    def test_tell_once_however_often_the_event_is_handled(self) -> None:
        user = make_user()
        party_id = str(user.memberships.get().party_id)
        event_id = dispatch("compliance.kyc_approved", {"party_id": party_id})
        with unit_of_work():
            consumers.on_kyc_approved(Event(event_id, "compliance.kyc_approved", "k", {"party_id": party_id}))
        assert told(user) == ["KYC_APPROVED"]

    def test_respect_what_a_user_declined(self) -> None:
        user = make_user()
        client = api_client(user)
        choice = {"topic": "KYC_APPROVED", "enabled": False}
        answer = client.patch("/api/notifications/preferences", choice).json()["data"]["preferences"]
        assert {"topic": "KYC_APPROVED", "channel": "IN_APP", "enabled": False} in answer
        dispatch("compliance.kyc_approved", {"party_id": str(user.memberships.get().party_id)})
        assert told(user) == []

    def test_tell_both_sides_of_a_fill_in_units(self) -> None:
        market = Market()
        seller, buyer = market.trader(units=10), market.trader(cash=1000)
        place_order(actor=seller.actor, ticket=market.ticket("SELL", "5.00", 10), now=clock.now())
        place_order(actor=buyer.actor, ticket=market.ticket("BUY", "5.00", 4), now=clock.now())
        market.match()
        relay()
        titles = [Notification.objects.get(user=who.user).title for who in (seller, buyer)]
        assert titles == [f"Order filled: 4 of 10 {market.isin}", f"Order filled: 4 of 4 {market.isin}"]

    def test_are_read_by_their_own_user_only(self) -> None:
        mine, other = make_user(), make_user()
        dispatch("compliance.kyc_approved", {"party_id": str(mine.memberships.get().party_id)})
        assert len(api_client(mine).get("/api/notifications").json()["data"]["results"]) == 1
        assert api_client(other).get("/api/notifications").json()["data"]["results"] == []
        assert api_client().get("/api/notifications").status_code == 401

    @pytest.mark.parametrize(
        "body",
        [
            {"topic": "NOTHING", "enabled": True},
            {"topic": "KYC_APPROVED", "enabled": "yes"},
            {"topic": "KYC_APPROVED", "enabled": 1},
            {"topic": "KYC_APPROVED"},
            {"topic": "KYC_APPROVED", "enabled": True, "user": "x"},
        ],
    )
    def test_refuse_a_choice_that_is_none(self, body: dict[str, object]) -> None:
        assert api_client(make_user()).patch("/api/notifications/preferences", body).status_code == 400


@pytest.mark.usefixtures("books")
class TestTemplates:
    def test_exist_for_every_topic_and_name_only_facts_their_events_carry(self) -> None:
        facts = {
            "ORDER_FILLED": {"filled", "quantity", "isin", "order_id"},
            "SETTLEMENT_COMPLETE": {"isin", "trade_ref"},
            "SETTLEMENT_FAILED": {"isin", "trade_ref", "reason_code"},
            "KYC_APPROVED": set(),
        }
        for topic, names in facts.items():
            template = NotificationTemplate.objects.get(topic=topic)
            said = render(template.title + template.body, {name: f"<{name}>" for name in names})
            assert all(f"<{name}>" in said for name in names)
            assert "{{" not in said

    def test_cannot_load_or_include_anything(self) -> None:
        for text in ("{% load static %}", "{% include 'x' %}", "{% debug %}"):
            with pytest.raises(Exception, match=r"Invalid block tag|not a registered tag"):
                render(text, {})

    def test_say_hostile_facts_literally(self) -> None:
        assert render("{{ isin }}", {"isin": "{{ order_id }}{% debug %}"}) == "{{ order_id }}{% debug %}"
