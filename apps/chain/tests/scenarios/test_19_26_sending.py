"""Scenarios 19 to 26: what befalls transactions of ours between us and the chain."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.test.utils import override_settings

from apps.chain import calls
from apps.chain.models import RpcEndpoint, Signer, SignerNonce, TxAttempt, TxAttemptOutcome, TxIntent
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.testing.boundaries import Boundary
from apps.chain.testing.lies import Null, OldHead
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.racing import expected, race
from apps.chain.tests.sending import (
    NOBODY,
    balance,
    by_hand,
    chain_nonce,
    ends,
    next_block,
    passages,
    send,
    step_until_mined,
)
from apps.chain.types import ExpectedEvent, IntentState, IntentView, SignerRole
from apps.core.models import Alert

GWEI = 10**9
LATER = timedelta(seconds=20)
APPROVAL = calls.topic_of("Approval(address,address,uint256)")


def open_alerts(prefix: str) -> dict[str, str]:
    """Severities of the open alerts whose keys begin so."""
    found = Alert.objects.filter(dedup_key__startswith=prefix, resolved_at=None)
    return dict(found.values_list("dedup_key", "severity"))


def outcomes(intent: IntentView) -> list[tuple[int, str]]:
    """(attempt's number, what became of it)."""
    found = TxAttemptOutcome.objects.filter(attempt__intent_id=intent.id).order_by("attempt__number")
    return list(found.values_list("attempt__number", "outcome"))


def one_node(platform: ChainPlatform) -> None:
    """The engines know the platform's node alone, as if they had begun with it."""
    RpcEndpoint.objects.all().delete()
    for engine, leadership in platform.engines.values():
        engine.lead(leadership)


class TestCrash:
    def test_19_bytes_signed_and_not_sent_before_a_crash_are_sent_as_they_are(
        self, chain_platform: ChainPlatform
    ) -> None:
        first, intent = chain_nonce(chain_platform, SignerRole.AGENT), send(key="19", value=1)
        at = Boundary("node", "eth_sendRawTransaction", 1)
        assert chain_platform.doomed(lambda platform: platform.step("sender"), at=at).killed
        assert read(intent.id).state == IntentState.SIGNED
        stored = TxAttempt.objects.get(intent_id=intent.id)
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first
        chain_platform.run_sender_until_final()
        assert read(intent.id).tx_hash == stored.hash  # the hash of these very bytes
        assert bytes(TxAttempt.objects.get(intent_id=intent.id).raw) == bytes(stored.raw)
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first + 1

    def test_20_what_was_sent_before_the_database_knew_is_found_by_its_stored_hash(
        self, chain_platform: ChainPlatform
    ) -> None:
        first, intent = chain_nonce(chain_platform, SignerRole.AGENT), send(key="20", value=1)
        before = balance(chain_platform, NOBODY)
        at = Boundary("node", "eth_sendRawTransaction", 1, after=True)
        assert chain_platform.doomed(lambda platform: platform.step("sender"), at=at).killed
        assert read(intent.id).state == IntentState.SIGNED
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first + 1
        chain_platform.run_sender_until_final()
        attempt = TxAttempt.objects.get(intent_id=intent.id)
        assert (read(intent.id).state, read(intent.id).tx_hash) == (IntentState.FINAL, attempt.hash)
        assert balance(chain_platform, NOBODY) == before + 1
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first + 1


class TestStranger:
    @pytest.fixture(autouse=True)
    def several_nodes(self, chain_platform: ChainPlatform) -> Iterator[None]:
        chain_platform.mine(60)
        chain_platform.catch_up()
        yield
        one_node(chain_platform)

    @pytest.mark.parametrize("lie", [Null("eth_getTransactionByHash"), OldHead(behind=1)], ids=["denies", "lags"])
    def test_21_a_nonce_too_low_of_one_node_that_knows_nothing_of_ours_freezes_nobody(
        self, chain_platform: ChainPlatform, lie: Null | OldHead
    ) -> None:
        intent = send(key=f"21 {type(lie).__name__}", value=1)
        step_until_mined(chain_platform, intent)
        assert read(intent.id).state == IntentState.MINED
        clear = dict.fromkeys(["tx_hash", "block_number", "block_hash", "succeeded", "gas_used"])
        TxIntent.objects.filter(pk=intent.id).update(state=IntentState.SIGNED, **clear)
        with (
            LyingNode(chain_platform.url) as liar,
            liar.lying(lie, Null("eth_getTransactionReceipt")),
            override_settings(CHAIN_RPC_URL=liar.url, CHAIN_RPC_URL_2=chain_platform.url),
        ):
            for seconds in range(0, 12, 3):
                chain_platform.step("sender", later=timedelta(seconds=seconds))
                chain_platform.mine()
                chain_platform.step("ingester", later=timedelta(seconds=seconds))
            assert liar.count("eth_sendRawTransaction") > 0
            assert not Signer.objects.exclude(frozen_at=None).exists()
            assert open_alerts("chain.signers") == {}
        one_node(chain_platform)
        chain_platform.run_sender_until_final()
        assert read(intent.id).state == IntentState.FINAL

    def test_21_a_nonce_too_low_and_not_ours_freezes_the_signer_at_the_second_block_and_alerts(
        self, chain_platform: ChainPlatform
    ) -> None:
        chain_platform.send(chain_platform.account(1), "0x" + "ee" * 20, value=1)  # somebody has our key
        chain_platform.catch_up()
        intent = send(key="21 stolen", value=7)
        with override_settings(CHAIN_RPC_URL_2=chain_platform.url):
            for _ in range(3):  # however often it is asked, one block is not enough
                chain_platform.step("sender")
            assert not Signer.objects.exclude(frozen_at=None).exists()
            chain_platform.mine()
            chain_platform.catch_up()
            chain_platform.step("sender")
        assert Signer.objects.get(pk=SignerRole.AGENT).frozen_reason == "FOREIGN_TRANSACTION"
        assert open_alerts("chain.signers") == {"chain.signers:AGENT": "CRITICAL"}
        assert read(intent.id).state == IntentState.SIGNED


class TestPool:
    def test_22_what_the_pool_dropped_is_sent_again_and_a_fee_spike_is_followed_to_the_cap_then_a_person_is_told(
        self, chain_platform: ChainPlatform
    ) -> None:
        with by_hand(chain_platform):
            next_block(chain_platform, 1)
            intent = send(key="22", value=1)
            chain_platform.step("sender")
            first = TxAttempt.objects.get(intent_id=intent.id)
            assert chain_platform.node.call("anvil_dropTransaction", first.hash) == first.hash
            for _ in range(2):
                chain_platform.step("sender", later=timedelta(seconds=5))
            assert chain_platform.node.call("eth_getTransactionByHash", first.hash) is not None
            # Blocks have no room for it, and the clock hardly moves: so many are enough to pay more.
            limit = chain_platform.node.call("eth_getBlockByNumber", "latest", False)["gasLimit"]
            chain_platform.node.call("evm_setBlockGasLimit", hex(20_000))
            for _ in range(settings.SECURITY.chain.sending.bump_after_blocks):
                assert TxAttempt.objects.filter(intent_id=intent.id).count() == 1
                next_block(chain_platform, 1)
                chain_platform.step("sender", later=timedelta(seconds=6))
            chain_platform.node.call("evm_setBlockGasLimit", limit)
            second = TxAttempt.objects.get(intent_id=intent.id, number=2)
            assert second.max_fee * 8 >= first.max_fee * 9
            assert second.max_priority_fee * 8 >= first.max_priority_fee * 9
            with override_settings(CHAIN_MAX_FEE_PER_GAS=210 * GWEI):
                for seconds in (60, 90):
                    next_block(chain_platform, 300)
                    chain_platform.step("sender", later=timedelta(seconds=seconds))
                third = TxAttempt.objects.get(intent_id=intent.id, number=3)
                assert third.max_fee == 210 * GWEI
                assert open_alerts("chain.fees") == {"chain.fees:AGENT": "ERROR"}
                assert not TxAttempt.objects.filter(intent_id=intent.id, number=4).exists()
            next_block(chain_platform, 10)
        chain_platform.run_sender_until_final()
        assert open_alerts("chain.fees") == {}
        assert read(intent.id).tx_hash == third.hash
        assert outcomes(intent) == [(1, "REPLACED"), (2, "REPLACED"), (3, "MINED")]

    def test_23_an_original_mined_after_its_replacement_was_sent_wins_and_the_other_is_replaced(
        self, chain_platform: ChainPlatform
    ) -> None:
        with by_hand(chain_platform):
            next_block(chain_platform, 1)
            intent, before = send(key="23", value=1), balance(chain_platform, NOBODY)
            chain_platform.step("sender")
            next_block(chain_platform, 100)
            for _ in range(2):
                chain_platform.step("sender", later=LATER)
            first, second = TxAttempt.objects.filter(intent_id=intent.id).order_by("number")
            node = chain_platform.node
            assert node.call("eth_getTransactionByHash", second.hash) is not None
            # Another pool never heard of the replacement, and its block is the one that counts.
            node.call("anvil_dropTransaction", second.hash)
            node.call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            node.call("eth_sendRawTransaction", "0x" + bytes(first.raw).hex())
            chain_platform.mine()
        chain_platform.run_sender_until_final()
        assert (read(intent.id).state, read(intent.id).tx_hash) == (IntentState.FINAL, first.hash)
        assert outcomes(intent) == [(1, "MINED"), (2, "REPLACED")]
        assert balance(chain_platform, NOBODY) == before + 1


class TestWriters:
    def test_24_sixteen_workers_and_one_signer_leave_dense_nonces_and_send_each_intent_once(
        self, chain_platform: ChainPlatform
    ) -> None:
        first = SignerNonce.objects.get(pk=SignerRole.AGENT).next
        race()
        nonces = TxIntent.objects.filter(kind="race").order_by("nonce").values_list("nonce", flat=True)
        assert list(nonces) == list(range(first, first + expected()))
        assert SignerNonce.objects.get(pk=SignerRole.AGENT).next == first + expected()
        chain_platform.run_sender_until_final()
        states = set(TxIntent.objects.filter(kind="race").values_list("state", flat=True))
        assert states == {IntentState.FINAL}
        assert balance(chain_platform, NOBODY) == expected()


class TestOutcome:
    def test_25_what_was_mined_and_reverted_ends_reverted_with_the_contracts_reason(
        self, chain_platform: ChainPlatform
    ) -> None:
        factory = chain_platform.contracts["id_factory"]
        intent = send(factory, calls.add_token_factory(NOBODY), key="25", gas_limit=100_000)  # so it is not simulated
        step_until_mined(chain_platform, intent)
        assert read(intent.id).state == IntentState.MINED
        chain_platform.run_sender_until_final()
        done = read(intent.id)
        assert (done.state, done.reason) == (IntentState.REVERTED, "REVERTED")
        assert done.reason_detail == "Ownable: caller is not the owner"
        assert [(topic, payload["reason"]) for topic, payload in ends(intent)] == [("chain.intent_failed", "REVERTED")]
        assert passages(intent) == ["NONCED", "SIGNED", "BROADCAST", "MINED", "REVERTED"]
        assert outcomes(intent) == [(1, "MINED")]

    @pytest.mark.parametrize(
        ("name", "expect"),
        [
            ("other event", ExpectedEvent(calls.TRANSFER)),
            ("other emitter", ExpectedEvent(APPROVAL, NOBODY)),
            ("other amount", ExpectedEvent(APPROVAL, data=(8).to_bytes(32, "big"))),
            ("other spender", ExpectedEvent(APPROVAL, topics=(None, "0x" + "11" * 32))),
        ],
    )
    def test_26_a_success_without_its_expected_event_is_none_and_a_person_is_told(
        self, chain_platform: ChainPlatform, name: str, expect: ExpectedEvent
    ) -> None:
        cash, own = chain_platform.contracts["payment_token"], chain_platform.account(1).address
        intent = send(cash, calls.approve(own, 9), key=f"26 {name}", expect=expect)
        chain_platform.run_sender_until_final()
        done = read(intent.id)
        assert (done.state, done.reason, done.event) == (IntentState.FAILED, "EXPECTED_EVENT_MISSING", None)
        assert [topic for topic, _ in ends(intent)] == ["chain.intent_failed"]
        assert open_alerts(f"chain.intents:{intent.id}") == {f"chain.intents:{intent.id}": "CRITICAL"}

    def test_26_the_very_event_that_was_expected_is_success(self, chain_platform: ChainPlatform) -> None:
        cash, own = chain_platform.contracts["payment_token"], chain_platform.account(1).address
        topic = "0x" + own[2:].lower().zfill(64)
        expect = ExpectedEvent(APPROVAL, cash, (topic, topic), (9).to_bytes(32, "big"))
        intent = send(cash, calls.approve(own, 9), key="26 right", expect=expect)
        chain_platform.run_sender_until_final()
        assert read(intent.id).state == IntentState.FINAL
        assert open_alerts(f"chain.intents:{intent.id}") == {}
