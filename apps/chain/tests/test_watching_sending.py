"""What operators are told of what we send."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings

from apps.chain import health
from apps.chain.models import Intervention, Signer, SignerRelease, TxIntent
from apps.chain.services.watching_sending import OFTEN, SendingWatch
from apps.chain.testing.local_chain import hx
from apps.chain.types import IntentState, SignerRole
from apps.core import clock
from apps.core.daemon import Leadership, elect
from apps.core.models import Alert

NOW = clock.now()
LATE = timedelta(seconds=settings.SECURITY.chain.sending.late_seconds + 1)
MUCH = settings.SECURITY.chain.sending.four_eyes_gwei * 10**9 + 1
UNDECIDED = timedelta(seconds=settings.SECURITY.chain.sending.undecided_seconds + 1)


@pytest.fixture(scope="class")
def leadership(books: str) -> Leadership:
    found = elect("sender")
    assert found is not None
    return found


@pytest.fixture(scope="class")
def signer(books: str) -> Signer:
    return Signer.objects.create(role=SignerRole.AGENT, address=hx(1), created_at=NOW)


def written(signer: Signer, state: IntentState, nonce: int | None, age: timedelta) -> TxIntent:
    return TxIntent.objects.create(
        business_key=uuid4().hex, kind="k", signer=signer, nonce=nonce, data=b"", state=state, created_at=NOW - age
    )


def told(leadership: Leadership, times: int) -> dict[str, str]:
    """The open alerts after the `times`-th look."""
    SendingWatch().look(leadership, NOW + times * OFTEN)
    found = Alert.objects.filter(source="chain.sending", resolved_at=None)
    return dict(found.values_list("dedup_key", "severity"))


def sampled() -> dict[str, float]:
    return {each.metric.name.removeprefix("bookentry_chain_"): each.value for each in health.read_sender_metrics()}


class TestWhatWaitsTooLong:
    def test_for_a_block_is_an_alert_until_it_is_sent(self, signer: Signer, leadership: Leadership) -> None:
        intent = written(signer, IntentState.BROADCAST, 0, LATE)
        written(signer, IntentState.NONCED, 1, LATE - timedelta(seconds=10))
        assert told(leadership, 0) == {"chain.sending:late:AGENT": "WARNING"}
        assert sampled()["oldest_intent_age_seconds"] >= LATE.total_seconds()
        Signer.objects.update(frozen_at=NOW, frozen_reason="x")  # which is an alert of its own
        assert told(leadership, 1) == {}
        Signer.objects.update(frozen_at=None, frozen_reason="")
        assert told(leadership, 1) == {"chain.sending:late:AGENT": "WARNING"}
        TxIntent.objects.filter(pk=intent.pk).update(created_at=NOW)
        assert told(leadership, 0) == {}

    def test_for_a_second_person_is_an_alert_until_it_is_decided(self, signer: Signer, leadership: Leadership) -> None:
        draft = written(signer, IntentState.DRAFT, None, UNDECIDED)
        young = written(signer, IntentState.DRAFT, None, UNDECIDED - timedelta(minutes=1))
        TxIntent.objects.filter(state=IntentState.DRAFT).update(value=MUCH)
        asked = {"reason": "x", "asked_by": uuid4(), "asked_at": NOW - UNDECIDED}
        one = Intervention.objects.create(intent=draft, kind="CANCEL", needs_two=False, **asked)
        assert told(leadership, 0) == {"chain.sending:undecided": "WARNING"}
        assert sampled()["acts_open"] == 1
        TxIntent.objects.filter(pk__in=[draft.pk, young.pk]).update(state=IntentState.DROPPED)
        assert told(leadership, 0) == {}
        Intervention.objects.filter(pk=one.pk).update(needs_two=True)
        assert told(leadership, 0) == {"chain.sending:undecided": "WARNING"}
        Intervention.objects.filter(pk=one.pk).update(approved_by=uuid4(), approved_at=NOW)
        SignerRelease.objects.create(signer=signer, **asked)
        assert sampled()["acts_open"] == 2
        assert told(leadership, 0) == {"chain.sending:undecided": "WARNING"}
        SignerRelease.objects.update(end="WITHDRAWN", ended_at=NOW)
        assert told(leadership, 0) == {}

    def test_for_room_in_a_limit_is_an_alert_of_its_signer_until_none_does(
        self, signer: Signer, leadership: Leadership
    ) -> None:
        other = Signer.objects.create(role=SignerRole.MINTER, address=hx(2), created_at=NOW)
        draft, approved, late = (written(signer, state, None, timedelta()) for state in ("DRAFT", "APPROVED", "DRAFT"))
        minted = written(other, IntentState.DRAFT, None, timedelta())
        one = {"chain.sending:limit:AGENT": "WARNING"}
        assert told(leadership, 0) == {**one, "chain.sending:limit:MINTER": "WARNING"}
        said = Alert.objects.get(dedup_key="chain.sending:limit:AGENT").summary
        assert said == "3 transactions of AGENT wait, since its limits have no room for them."
        much = settings.SECURITY.chain.sending.four_eyes_units + 1
        TxIntent.objects.filter(pk=minted.pk).update(units=much)  # which waits for two people, whatever the limit
        TxIntent.objects.filter(pk=late.pk).update(value=MUCH)
        assert told(leadership, 0) == one
        TxIntent.objects.filter(pk=draft.pk).update(state=IntentState.DROPPED)
        assert told(leadership, 0) == one
        TxIntent.objects.filter(pk=approved.pk).update(state=IntentState.NONCED, nonce=5)
        assert told(leadership, 0) == {}
        TxIntent.objects.filter(pk=minted.pk).update(state=IntentState.APPROVED)
        assert told(leadership, 0) == {"chain.sending:limit:MINTER": "WARNING"}
        TxIntent.objects.filter(pk__in=[minted.pk, late.pk]).update(state=IntentState.DROPPED)
        assert told(leadership, 0) == {}

    def test_is_looked_at_every_few_seconds_only(self, signer: Signer, leadership: Leadership) -> None:
        watch = SendingWatch()
        watch.look(leadership, NOW)
        written(signer, IntentState.NONCED, 9, LATE)
        watch.look(leadership, NOW + OFTEN / 2)
        assert not Alert.objects.filter(source="chain.sending", resolved_at=None).exists()
        watch.look(leadership, NOW + OFTEN)
        assert Alert.objects.filter(source="chain.sending", resolved_at=None).exists()
