"""The sender against a real node: success, refusal, revert, silence."""

from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.chain import calls
from apps.chain.eip1559 import InvalidTransaction
from apps.chain.engines.sender import Sender
from apps.chain.errors import IntentConflict, WrongChain
from apps.chain.gateway import Node
from apps.chain.models import SignerNonce, TxAttempt, TxIntent
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import Without
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.sending import NOBODY, balance, ends, passages, policy, send, step_until_mined
from apps.chain.types import ExpectedEvent, IntentState, SignerRole

GRANT_ROLE = calls._call("grantRole(bytes32,address)")
MINTER = bytes.fromhex(calls.topic_of("MINTER_ROLE")[2:])


class TestSubmit:
    def test_gives_each_intent_the_next_nonce(self, chain_platform: ChainPlatform) -> None:
        first, second = send(key="one"), send(key="two")
        assert second.nonce == first.nonce + 1

    def test_returns_what_the_business_key_already_names(self, chain_platform: ChainPlatform) -> None:
        assert send(key="same", value=3) == send(key="same", value=3)
        assert TxIntent.objects.filter(business_key="same").count() == 1

    def test_refuses_other_content_under_the_same_key(self, chain_platform: ChainPlatform) -> None:
        send(key="taken")
        with pytest.raises(IntentConflict):
            send(key="taken", value=1)

    @pytest.mark.parametrize(
        "bad", [{"value": 2**256}, {"value": -1}, {"value": "1"}, {"to": "0x12"}, {"to": NOBODY[2:]}, {"data": "0x"}]
    )
    def test_refuses_what_no_chain_would_take_and_gives_no_nonce_for_it(
        self, chain_platform: ChainPlatform, bad: dict[str, Any]
    ) -> None:
        before = SignerNonce.objects.get(pk=SignerRole.AGENT).next
        with pytest.raises(InvalidTransaction):
            send(**{"key": "never sent", **bad})
        assert SignerNonce.objects.get(pk=SignerRole.AGENT).next == before
        assert not TxIntent.objects.filter(business_key="never sent").exists()

    def test_leaves_no_gap_where_the_business_fact_fails(self, chain_platform: ChainPlatform) -> None:
        before = SignerNonce.objects.get(pk=SignerRole.AGENT).next
        with pytest.raises(IntegrityError, match="chain_intent_gas_capped"):
            send(key="too much gas", gas_limit=2**24 + 1)
        assert SignerNonce.objects.get(pk=SignerRole.AGENT).next == before
        assert send(key="after the failure").nonce == before


class TestSuccess:
    def test_ends_final_and_says_so_once(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="a", value=7)
        chain_platform.run_sender_until_final()
        done = read(intent.id)
        assert (done.state, done.reason) == (IntentState.FINAL, "")
        assert balance(chain_platform, NOBODY) == 7
        payload = {
            "intent_id": str(intent.id),
            "kind": "test",
            "business_key": "a",
            "tx_hash": done.tx_hash,
            "block_number": done.block_number,
        }
        assert ends(intent) == [("chain.intent_final", payload)]

    def test_is_not_final_before_its_block_is(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="b")
        for _ in range(3):
            step_until_mined(chain_platform, intent)
        assert read(intent.id).state == IntentState.MINED
        assert ends(intent) == []
        chain_platform.run_sender_until_final()

    def test_pays_twice_the_base_fee_and_a_tip_at_the_most(self, chain_platform: ChainPlatform) -> None:
        base = int(chain_platform.node.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        intent = send(key="fees")
        chain_platform.run_sender_until_final()
        attempt = TxAttempt.objects.get(intent_id=intent.id)
        assert attempt.max_fee == 2 * base + attempt.max_priority_fee

    def test_asks_the_node_within_no_transaction(self, chain_platform: ChainPlatform) -> None:
        asked = []

        class Watchful(Node):
            def _post(self, calls):  # noqa: ANN001, ANN202
                asked.append(connection.in_atomic_block)
                return super()._post(calls)

        _, leadership = chain_platform.engine("sender")
        with Watchful(chain_platform.url, chain_id=chain_platform.node.chain_id) as node:
            intent, sender = send(key="no transaction"), Sender(node)
            while read(intent.id).state != IntentState.FINAL:
                sender.step(leadership, read(intent.id).created_at)
                chain_platform.finalize()
                chain_platform.catch_up()
        assert len(asked) > 5
        assert not any(asked)


class TestSafe:
    def test_comes_between_mined_and_final_where_blocks_are_final_late(self, chain_platform: ChainPlatform) -> None:
        with policy(finality={"mode": "DEPTH", "depth": 6}, sending={"safe_depth": 3}):
            intent = send(key="safe", value=1)
            for _ in range(10):
                chain_platform.step("sender")
                chain_platform.mine()
                chain_platform.catch_up()
            chain_platform.step("sender")
        assert passages(intent) == ["NONCED", "SIGNED", "BROADCAST", "MINED", "SAFE", "FINAL"]


class TestWindow:
    def test_lets_each_signer_have_so_many_on_their_way_whatever_another_waits_for(
        self, chain_platform: ChainPlatform
    ) -> None:
        node = chain_platform.node
        node.call("evm_setAutomine", False)
        with policy(sending={"in_flight": 2}):
            ours = [send(key=f"window {number}", value=1) for number in range(4)]
            other = send(key="window of another", signer=SignerRole.OPERATOR, value=1)
            for _ in range(3):
                chain_platform.step("sender")
            states = [read(intent.id).state for intent in (*ours, other)]
            assert states == [IntentState.BROADCAST] * 2 + [IntentState.NONCED] * 2 + [IntentState.BROADCAST]
            node.call("evm_setAutomine", True)
            chain_platform.mine()
            chain_platform.run_sender_until_final()


class TestTip:
    def test_is_what_late_blocks_paid_or_the_policys_where_the_node_names_none(
        self, chain_platform: ChainPlatform
    ) -> None:
        _, leadership = chain_platform.engine("sender")
        tips = []
        for number, lies in enumerate(
            ([Without("eth_maxPriorityFeePerGas")], [Without("eth_maxPriorityFeePerGas"), Without("eth_feeHistory")])
        ):
            intent = send(key=f"no tip {number}", value=1)
            with (
                LyingNode(chain_platform.url) as liar,
                liar.lying(*lies),
                Node(liar.url, chain_id=chain_platform.node.chain_id) as node,
                policy(sending={"fallback_tip_wei": 1_234_567}),
            ):
                Sender(node).step(leadership, intent.created_at)
            tips.append(TxAttempt.objects.get(intent_id=intent.id).max_priority_fee)
        assert tips[1] == 1_234_567 != tips[0]
        chain_platform.run_sender_until_final()


class TestRefused:
    def test_in_simulation_is_reverted_and_its_nonce_spent(self, chain_platform: ChainPlatform) -> None:
        cash = chain_platform.contracts["payment_token"]
        refused = send(cash, calls.mint(NOBODY, 5), key="not a minter")
        after = send(key="behind it", value=1)
        chain_platform.run_sender_until_final()
        done = read(refused.id)
        agent = chain_platform.account(1).address.lower()
        assert (done.state, done.reason) == (IntentState.REVERTED, "AccessControlUnauthorizedAccount")
        assert done.reason_detail == f"account={agent}, neededRole=0x{MINTER.hex()}"
        assert TxAttempt.objects.get(intent_id=refused.id).purpose == "CANCEL"
        assert [topic for topic, _ in ends(refused)] == ["chain.intent_failed"]
        assert ends(refused)[0][1]["reason"] == "AccessControlUnauthorizedAccount"
        assert read(after.id).state == IntentState.FINAL

    def test_in_simulation_waits_for_what_is_on_its_way(self, chain_platform: ChainPlatform) -> None:
        """The mint is refused until the grant, of another signer, is mined."""
        cash, agent = chain_platform.contracts["payment_token"], chain_platform.account(1).address
        mint = send(cash, calls.mint(NOBODY, 5), key="mint")
        send(cash, GRANT_ROLE(MINTER, agent), key="grant", signer=SignerRole.DEPLOYER)
        chain_platform.run_sender_until_final()
        assert read(mint.id).state == IntentState.FINAL
        assert chain_platform.read(cash, calls.balance_of(NOBODY)) == 5

    def test_on_chain_is_reverted_with_the_contracts_words(self, chain_platform: ChainPlatform) -> None:
        factory = chain_platform.contracts["id_factory"]
        intent = send(factory, calls.add_token_factory(NOBODY), key="not the owner", gas_limit=100_000)
        step_until_mined(chain_platform, intent)
        assert read(intent.id).state == IntentState.MINED
        chain_platform.run_sender_until_final()
        done = read(intent.id)
        assert (done.state, done.reason) == (IntentState.REVERTED, "REVERTED")
        assert done.reason_detail == "Ownable: caller is not the owner"
        assert [topic for topic, _ in ends(intent)] == ["chain.intent_failed"]

    def test_for_want_of_gas_says_so(self, chain_platform: ChainPlatform) -> None:
        data = calls.creation("trex/Token")
        intent = send(None, data, key="starved", gas_limit=1_500_000)
        chain_platform.run_sender_until_final()
        assert (read(intent.id).state, read(intent.id).reason) == (IntentState.REVERTED, "OUT_OF_GAS")


class TestExpectedEvent:
    def test_missing_is_no_success(self, chain_platform: ChainPlatform, caplog: pytest.LogCaptureFixture) -> None:
        intent = send(key="silent", expect=ExpectedEvent(calls.TRANSFER))
        chain_platform.run_sender_until_final()
        assert (read(intent.id).state, read(intent.id).reason) == (IntentState.FAILED, "EXPECTED_EVENT_MISSING")
        assert [topic for topic, _ in ends(intent)] == ["chain.intent_failed"]
        assert "expected event missing" in caplog.messages

    def test_of_another_contract_is_no_success(self, chain_platform: ChainPlatform) -> None:
        cash, own = chain_platform.contracts["payment_token"], chain_platform.account(1).address
        expect = ExpectedEvent(calls.topic_of("Approval(address,address,uint256)"), NOBODY)
        intent = send(cash, calls.approve(own, 1), key="elsewhere", expect=expect)
        chain_platform.run_sender_until_final()
        assert read(intent.id).state == IntentState.FAILED

    def test_is_kept_with_the_intent(self, chain_platform: ChainPlatform) -> None:
        cash, own = chain_platform.contracts["payment_token"], chain_platform.account(1).address
        topic = calls.topic_of("Approval(address,address,uint256)")
        intent = send(cash, calls.approve(own, 9), key="kept", expect=ExpectedEvent(topic, cash))
        chain_platform.run_sender_until_final()
        event = read(intent.id).event
        assert event is not None
        assert (event["address"], event["topics"][0], int(event["data"], 16)) == (cash, topic, 9)


class TestOtherChain:
    def test_is_refused_before_anything_is_signed(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="wrong chain")
        _, leadership = chain_platform.engine("sender")
        with Node(chain_platform.url, chain_id=1) as node, pytest.raises(WrongChain):
            Sender(node).step(leadership, intent.created_at)
        assert read(intent.id).state == IntentState.NONCED
        assert not TxAttempt.objects.filter(intent_id=intent.id).exists()
