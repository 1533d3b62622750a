"""What is above its signer's limit waits for a second person, without a nonce."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.utils import DatabaseError, IntegrityError

from apps.chain.errors import IntentConflict, IntentDecided, SignerUnavailable
from apps.chain.models import SignerNonce, TxIntent
from apps.chain.selectors.intents import intent as read
from apps.chain.services.approving import approve_intent, drop_intent
from apps.chain.services.intents import submit_many
from apps.chain.services.limits import GWEI
from apps.chain.testing import ChainPlatform
from apps.chain.testing.powers import anything
from apps.chain.tests.sending import NOBODY, ends, passages, send
from apps.chain.types import IntentState, NewIntent, SignerRole
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import run_sql, unit_of_work
from apps.core.errors import SamePerson

ETHER = GWEI * GWEI
MAKER, CHECKER = uuid4(), uuid4()


def actor(user_id: UUID) -> Actor:
    return Actor(user_id=user_id, party_id=None, roles=frozenset({"OPS"}))


def next_nonce() -> int:
    return SignerNonce.objects.get(pk=SignerRole.AGENT).next


def new(key: str, signer: SignerRole = SignerRole.AGENT, value: int = 0) -> NewIntent:
    return NewIntent(signer, NOBODY, b"", "test", key, value=value)


@pytest.fixture(autouse=True)
def powers() -> Iterator[None]:
    """Drafts come of the four-eyes limits alone."""
    with anything():
        yield


class TestDraft:
    def test_begins_above_the_limit_and_takes_no_nonce(self, chain_platform: ChainPlatform) -> None:
        before = next_nonce()
        assert send(key="at the limit", value=ETHER).state == IntentState.NONCED
        draft = send(key="above it", value=ETHER + 1, drafted_by=MAKER)
        units = send(key="many units", units=1_000_001)
        assert [(each.state, each.nonce) for each in (draft, units)] == [(IntentState.DRAFT, None)] * 2
        assert next_nonce() == before + 1
        approved = send(key="approved elsewhere", units=1_000_001, drafted_by=MAKER, approved_by=CHECKER)
        assert (approved.state, approved.nonce) == (IntentState.NONCED, before + 1)

    def test_is_not_sent(self, chain_platform: ChainPlatform) -> None:
        draft = send(key="waits", value=ETHER + 2)
        chain_platform.step("sender")
        assert read(draft.id).state == IntentState.DRAFT

    def test_is_refused_to_its_maker(self, chain_platform: ChainPlatform) -> None:
        draft, before = send(key="own", value=ETHER + 3, drafted_by=MAKER), next_nonce()
        with pytest.raises(SamePerson), unit_of_work():
            approve_intent(actor=actor(MAKER), intent_id=draft.id, now=clock.now())
        assert (read(draft.id).state, next_nonce()) == (IntentState.DRAFT, before)
        with pytest.raises(SamePerson):
            send(key="own too", value=1, drafted_by=MAKER, approved_by=MAKER)

    def test_has_its_nonce_and_its_end_once_approved(self, chain_platform: ChainPlatform) -> None:
        draft, before = send(key="approved", value=ETHER + 4, drafted_by=MAKER), next_nonce()
        for _ in range(2):
            with unit_of_work():
                found = approve_intent(actor=actor(CHECKER), intent_id=draft.id, now=clock.now())
            assert (found.state, found.nonce) == (IntentState.NONCED, before)
        assert next_nonce() == before + 1
        chain_platform.run_sender_until_final_of(draft.id)
        assert passages(draft) == ["DRAFT", "APPROVED", "NONCED", "SIGNED", "BROADCAST", "MINED", "FINAL"]

    def test_dropped_never_had_a_nonce_and_says_so_once(self, chain_platform: ChainPlatform) -> None:
        draft, before = send(key="dropped", value=ETHER + 5), next_nonce()
        with unit_of_work():
            drop_intent(actor=actor(CHECKER), intent_id=draft.id, reason="not today", now=clock.now())
        done = read(draft.id)
        assert (done.state, done.nonce, done.reason_detail) == (IntentState.DROPPED, None, "not today")
        assert [topic for topic, _ in ends(draft)] == ["chain.intent_failed"]
        assert next_nonce() == before
        with pytest.raises(IntentDecided), unit_of_work():
            approve_intent(actor=actor(CHECKER), intent_id=draft.id, now=clock.now())


class TestMany:
    def test_are_given_nonces_in_the_order_asked(self, chain_platform: ChainPlatform) -> None:
        known, before = send(key="known"), next_nonce()
        asked = [new("m1"), new("known"), new("o1", SignerRole.OPERATOR), new("m2"), new("big", value=2 * ETHER)]
        with unit_of_work():
            found = submit_many(intents=asked, now=clock.now())
        operator = SignerNonce.objects.get(pk=SignerRole.OPERATOR).next
        assert [each.nonce for each in found] == [before, known.nonce, operator - 1, before + 1, None]
        assert [each.business_key for each in found] == [each.business_key for each in asked]
        assert found[1] == known
        assert next_nonce() == before + 2

    def test_are_refused_together(self, chain_platform: ChainPlatform) -> None:
        send(key="taken", value=1)
        before, number = next_nonce(), TxIntent.objects.count()
        for asked in ([new("fresh"), new("taken")], [new("twice"), new("twice")]):
            with pytest.raises(IntentConflict), unit_of_work():
                submit_many(intents=asked, now=clock.now())
        SignerNonce.objects.filter(pk=SignerRole.MANAGEMENT).delete()
        with pytest.raises(SignerUnavailable), unit_of_work():
            submit_many(intents=[new("fresh"), new("nobody", SignerRole.MANAGEMENT)], now=clock.now())
        assert (next_nonce(), TxIntent.objects.count()) == (before, number)


class TestDatabase:
    def test_refuses_what_contradicts_itself(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="contradicted", drafted_by=MAKER)
        for change, rule in (
            ("nonce = NULL", "chain_intent_nonce_when_sendable"),
            ("state = 'DRAFT'", "chain_intent_nonce_when_sendable"),
            ("approved_by = drafted_by, approved_at = created_at", "chain_intent_two_people"),
            ("approved_by = id", "chain_intent_approval_whole"),
            ("state = 'SAFE'", "chain_intent_mined_whole"),
        ):
            with pytest.raises(IntegrityError, match=rule):
                run_sql(f"UPDATE chain_txintent SET {change} WHERE id = %s", [intent.id])

    def test_lets_nobody_write_or_change_a_passage(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="passages are the trigger's")
        for statement in (
            "INSERT INTO chain_txintentevent (intent_id, state, reason, at) VALUES (%s, 'FINAL', '', now())",
            "UPDATE chain_txintentevent SET state = 'FINAL' WHERE intent_id = %s",
            "DELETE FROM chain_txintentevent WHERE intent_id = %s",
        ):
            with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
                cursor.execute(statement, [intent.id])
        assert passages(intent) == ["NONCED"]
