"""What officers do on the admin site about transactions of ours and the keys they are sent with, on a real node."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from apps.accounts.models import User
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.chain.models import Intervention, Signer, SignerNonce, SignerRelease, TxAttempt
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.testing.powers import anything
from apps.chain.tests.sending import NOBODY, balance, by_hand, ends, next_block, passages, send
from apps.chain.types import AttemptPurpose, IntentState, IntentView, SignerRole
from apps.core.models import Alert

GWEI, ETHER = 10**9, 10**18
LATER = timedelta(seconds=1)
WHY = {"reason": "the auction closes at four"}


@pytest.fixture(autouse=True)
def powers() -> Iterator[None]:
    """Who must agree is the matter here, not what a signer may say."""
    with anything():
        yield


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(scope="class")
def first(chain_platform: ChainPlatform) -> User:
    return make_user(party=None, role=Role.OPS)


@pytest.fixture
def ops(first: User) -> Client:
    return client_of(first)


@pytest.fixture
def second(chain_platform: ChainPlatform) -> Client:
    return client_of(make_user(party=None, role=Role.COMPLIANCE))


def page(intent: IntentView) -> str:
    return f"/admin/chain/txintent/{intent.id}/"


def asked() -> Intervention:
    """What was asked for last."""
    return Intervention.objects.latest("pk")


def agree(row: Intervention | SignerRelease) -> str:
    return f"/admin/chain/{row._meta.model_name}/{row.pk}/agree/"


def offered(client: Client, intent: IntentView) -> set[str]:
    """Paths of the acts that the intent's page shows."""
    shown = client.get(f"{page(intent)}change/").content.decode()
    return {act for act in ("approve", "refuse", "again", "bump", "cancel") if f'href="{page(intent)}{act}/' in shown}


def attempts(intent: IntentView) -> list[tuple[str, int]]:
    """(purpose, wei a unit of gas) of all bytes signed for it."""
    found = TxAttempt.objects.filter(intent_id=intent.id).order_by("number").values_list("purpose", "max_fee")
    return [(purpose, int(fee)) for purpose, fee in found]


def told(action: str) -> dict[str, Any]:
    """Of which row the last event of this kind is, and what it says."""
    event = AuditLog.objects.filter(action=action).latest("pk")
    return {"by": event.user_id, "of": event.resource_id, **(event.after or {})}


@pytest.fixture
def stuck(chain_platform: ChainPlatform, request: pytest.FixtureRequest) -> Iterator[IntentView]:
    """A transaction on its way, overtaken by the base fee."""
    with by_hand(chain_platform):
        next_block(chain_platform, 1)
        intent = send(key=request.node.name, value=1)
        chain_platform.step("sender")
        assert read(intent.id).state == IntentState.BROADCAST
        next_block(chain_platform, 100)
        yield intent
        next_block(chain_platform, 1)
    chain_platform.run_sender_until_final()


class TestADraft:
    def test_is_approved_by_another_person_only(
        self, chain_platform: ChainPlatform, first: User, ops: Client, second: Client
    ) -> None:
        draft = send(key="approved", value=ETHER + 1, drafted_by=first.pk)
        assert "Whoever drafted it may not" in ops.get(f"{page(draft)}approve/").content.decode()
        assert ops.post(f"{page(draft)}approve/").status_code == 403
        assert (read(draft.id).state, read(draft.id).nonce) == (IntentState.DRAFT, None)
        assert not AuditLog.objects.filter(action="chain.intent_approved", resource_id=str(draft.id)).exists()
        assert second.post(f"{page(draft)}approve/").status_code == 302
        assert told("chain.intent_approved")["of"] == str(draft.id)
        chain_platform.run_sender_until_final()
        assert read(draft.id).state == IntentState.FINAL

    def test_is_refused_with_a_reason(self, chain_platform: ChainPlatform, second: Client) -> None:
        draft = send(key="refused", value=ETHER + 1)
        assert offered(second, draft) == {"approve", "refuse"}
        assert second.post(f"{page(draft)}refuse/", {"reason": " "}).status_code == 400
        assert second.post(f"{page(draft)}refuse/", WHY).status_code == 302
        assert (read(draft.id).state, read(draft.id).reason_detail) == (IntentState.DROPPED, WHY["reason"])
        assert [topic for topic, _ in ends(draft)] == ["chain.intent_failed"]
        assert second.post(f"{page(draft)}approve/").status_code == 409
        assert offered(second, draft) == set()

    def test_is_no_investors_matter(self, chain_platform: ChainPlatform) -> None:
        draft = send(key="not theirs", value=ETHER + 1)
        investor = client_of(make_user(role=Role.INVESTOR))
        for act in ("approve", "refuse", "again", "bump", "cancel"):
            assert investor.post(f"{page(draft)}{act}/", WHY).status_code == 302  # to the login
        assert read(draft.id).state == IntentState.DRAFT


class TestMoreIsPaid:
    FEES = {"max_fee": "150", "max_priority_fee": "2.5", **WHY}

    def test_by_one_person_up_to_what_the_engine_may_offer(
        self, chain_platform: ChainPlatform, first: User, stuck: IntentView, ops: Client, second: Client
    ) -> None:
        assert second.post(f"{page(stuck)}bump/", self.FEES).status_code == 403  # operations' matter
        assert ops.post(f"{page(stuck)}bump/", self.FEES).status_code == 302
        assert told("chain.intent_bump_asked") | WHY == told("chain.intent_bump_asked")
        assert ops.post(f"{page(stuck)}bump/", self.FEES).status_code == 409  # one at a time
        chain_platform.step("sender", later=LATER)
        assert attempts(stuck)[1:] == [(AttemptPurpose.CALL, 150 * GWEI)]
        assert (asked().end, asked().asked_by, asked().needs_two) == ("DONE", first.pk, False)

    def test_by_two_above_that(
        self, chain_platform: ChainPlatform, stuck: IntentView, ops: Client, second: Client
    ) -> None:
        fees = self.FEES | {"max_fee": "600"}
        assert ops.post(f"{page(stuck)}bump/", fees).status_code == 302
        chain_platform.step("sender", later=LATER)
        assert len(attempts(stuck)) == 1
        assert ops.post(agree(asked())).status_code == 403
        assert (asked().approved_by, asked().end) == (None, "")
        assert second.post(agree(asked())).status_code == 302
        assert second.post(agree(asked())).status_code == 409
        chain_platform.step("sender", later=LATER)
        assert attempts(stuck)[1:] == [(AttemptPurpose.CALL, 600 * GWEI)]
        assert asked().end == "DONE"

    @pytest.mark.parametrize(
        "fees",
        [
            {"max_fee": "3"},
            {"max_fee": "5000.000000001"},
            {"max_priority_fee": "151"},
            {"max_fee": "much"},
            {"max_fee": "-1"},
            {"reason": ""},
        ],
    )
    def test_never_for_fees_that_no_pool_takes_or_nobody_may_offer(
        self, stuck: IntentView, ops: Client, fees: dict[str, str]
    ) -> None:
        before = Intervention.objects.count(), AuditLog.objects.count()
        assert ops.post(f"{page(stuck)}bump/", self.FEES | fees).status_code == 400
        assert (Intervention.objects.count(), AuditLog.objects.count()) == before

    def test_not_where_it_is_withdrawn(self, chain_platform: ChainPlatform, stuck: IntentView, ops: Client) -> None:
        ops.post(f"{page(stuck)}bump/", self.FEES | {"max_fee": "600"})
        assert ops.post(agree(asked()).replace("agree", "withdraw")).status_code == 302
        assert ops.post(agree(asked())).status_code == 409
        chain_platform.step("sender", later=LATER)
        assert (len(attempts(stuck)), asked().end) == (1, "WITHDRAWN")

    def test_is_not_what_sending_again_is(self, chain_platform: ChainPlatform, stuck: IntentView, ops: Client) -> None:
        next_block(chain_platform, 1)
        chain_platform.node.call("anvil_dropAllTransactions")
        assert ops.post(f"{page(stuck)}again/", WHY).status_code == 302
        assert read(stuck.id).state == IntentState.SIGNED
        chain_platform.step("sender")
        assert (read(stuck.id).state, len(attempts(stuck))) == (IntentState.BROADCAST, 1)
        assert told("chain.intent_sent_again") | WHY == told("chain.intent_sent_again")


class TestACallOff:
    def test_spends_the_nonce_on_nothing(self, chain_platform: ChainPlatform, stuck: IntentView, ops: Client) -> None:
        before = balance(chain_platform, NOBODY)
        assert offered(ops, stuck) == {"again", "bump", "cancel"}
        assert ops.post(f"{page(stuck)}cancel/", WHY).status_code == 302
        chain_platform.step("sender", later=LATER)
        assert [purpose for purpose, _ in attempts(stuck)] == [AttemptPurpose.CALL, AttemptPurpose.CANCEL]
        chain_platform.node.call("evm_setAutomine", True)
        chain_platform.run_sender_until_final()
        assert (read(stuck.id).state, read(stuck.id).reason) == (IntentState.REPLACED, "CANCELLED")
        assert balance(chain_platform, NOBODY) == before
        assert [topic for topic, _ in ends(stuck)] == ["chain.intent_failed"]
        assert ops.post(f"{page(stuck)}cancel/", WHY).status_code == 409

    def test_of_what_two_people_sent_takes_two(
        self, chain_platform: ChainPlatform, ops: Client, second: Client
    ) -> None:
        draft = send(key="two to call off", value=ETHER + 1)
        assert second.post(f"{page(draft)}approve/").status_code == 302
        assert ops.post(f"{page(draft)}cancel/", WHY).status_code == 302
        assert asked().needs_two
        assert ops.post(agree(asked())).status_code == 403
        assert second.post(agree(asked())).status_code == 302
        before = balance(chain_platform, NOBODY)
        chain_platform.run_sender_until_final()
        assert [purpose for purpose, _ in attempts(draft)] == [AttemptPurpose.CANCEL]
        assert (read(draft.id).state, read(draft.id).reason) == (IntentState.REPLACED, "CANCELLED")
        assert balance(chain_platform, NOBODY) == before

    def test_that_comes_too_late_lapses(self, chain_platform: ChainPlatform, ops: Client, second: Client) -> None:
        draft = send(key="too late", value=ETHER + 1)
        second.post(f"{page(draft)}approve/")
        ops.post(f"{page(draft)}cancel/", WHY)  # nobody agrees
        chain_platform.run_sender_until_final()
        assert (read(draft.id).state, asked().end) == (IntentState.FINAL, "LAPSED")


class TestAFrozenSigner:
    def test_sends_again_once_two_people_agree_and_what_cannot_be_sent_ends(
        self, chain_platform: ChainPlatform, ops: Client, second: Client
    ) -> None:
        assert ops.post("/admin/chain/signer/AGENT/release/", WHY).status_code == 409  # it is not frozen
        chain_platform.send(chain_platform.account(1), "0x" + "ee" * 20, value=1)  # somebody has our key
        dead = send(key="its nonce is a stranger's", value=1)
        for _ in range(3):
            chain_platform.step("sender")
            chain_platform.mine()
            chain_platform.catch_up()
        assert Signer.objects.get(pk="AGENT").frozen_reason == "FOREIGN_TRANSACTION"
        waits = send(key="waits for the release", value=1)
        assert second.post("/admin/chain/signer/AGENT/release/", WHY).status_code == 403
        assert ops.post("/admin/chain/signer/AGENT/release/", WHY).status_code == 302
        release = SignerRelease.objects.get()
        assert ops.post(agree(release)).status_code == 403
        chain_platform.step("sender")
        assert Signer.objects.get(pk="AGENT").frozen_at is not None
        assert second.post(agree(release)).status_code == 302
        chain_platform.step("sender")
        assert Signer.objects.get(pk="AGENT").frozen_at is None
        assert not Alert.objects.filter(dedup_key="chain.signers:AGENT", resolved_at=None).exists()
        assert (read(dead.id).state, read(dead.id).reason) == (IntentState.DROPPED, "FOREIGN_TRANSACTION")
        assert [topic for topic, _ in ends(dead)] == ["chain.intent_failed"]
        chain_platform.run_sender_until_final()
        assert read(waits.id).state == IntentState.FINAL
        assert passages(waits).count("FINAL") == 1
        assert SignerNonce.objects.get(pk=SignerRole.AGENT).next == read(waits.id).given_nonce + 1


class TestTheDatabase:
    def test_refuses_one_person_for_two(self, chain_platform: ChainPlatform, first: User) -> None:
        intent = send(key="one for two", value=1)
        row = Intervention.objects.create(
            intent_id=intent.id,
            kind="CANCEL",
            reason="x",
            asked_by=first.pk,
            asked_at=intent.created_at,
            needs_two=True,
        )
        rows, now = Intervention.objects.filter(pk=row.pk), intent.created_at
        for changes, rule in (
            ({"approved_by": first.pk, "approved_at": now}, "chain_intervention_two_people"),
            ({"end": "DONE", "ended_at": now}, "chain_intervention_done_by_two"),
            ({"approved_by": intent.id}, "chain_intervention_approval_whole"),
            ({"end": "LAPSED"}, "chain_intervention_end_whole"),
            ({"max_fee": 1}, "chain_intervention_fees_ordered"),
        ):
            with pytest.raises(IntegrityError, match=rule):
                rows.update(**changes)
        release = SignerRelease.objects.create(signer_id="AGENT", reason="x", asked_by=first.pk, asked_at=now)
        for changes, rule in (
            ({"approved_by": first.pk, "approved_at": now}, "chain_release_two_people"),
            ({"end": "DONE", "ended_at": now}, "chain_release_done_by_two"),
        ):
            with pytest.raises(IntegrityError, match=rule):
                SignerRelease.objects.filter(pk=release.pk).update(**changes)
