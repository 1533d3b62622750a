"""The sender where gas has become dear."""

from datetime import timedelta

import pytest
from django.test.utils import override_settings

from apps.chain.engines.sender import Sender
from apps.chain.gateway import Node
from apps.chain.models import Signer, TxAttempt, TxIntent
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import Answers
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.sending import NOBODY, balance, send
from apps.chain.types import IntentState, SignerRole


class TestDearGas:
    """The base fee overtakes what was offered."""

    GWEI = 10**9

    def overtake(self, platform: ChainPlatform, intent_key: str) -> TxAttempt:
        """Send, then make the next blocks too dear for it."""
        platform.node.call("evm_setAutomine", False)
        self.next_block(platform, 1)
        intent = send(key=intent_key, value=7)
        platform.step("sender")
        self.next_block(platform, 100)
        attempt = TxAttempt.objects.get(intent_id=intent.id)
        assert read(intent.id).state == IntentState.BROADCAST
        assert attempt.max_fee < 100 * self.GWEI
        return attempt

    def next_block(self, platform: ChainPlatform, gwei: int) -> None:
        platform.node.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * self.GWEI))
        platform.mine()

    def test_is_paid_with_the_same_nonce_and_higher_fees(self, chain_platform: ChainPlatform) -> None:
        first = self.overtake(chain_platform, "overtaken")
        for _ in range(2):
            chain_platform.step("sender", later=timedelta(seconds=20))
        self.next_block(chain_platform, 100)
        chain_platform.node.call("evm_setAutomine", True)
        chain_platform.run_sender_until_final()
        done = read(first.intent_id)
        second = TxAttempt.objects.get(intent_id=done.id, number=2)
        assert (done.state, done.tx_hash) == (IntentState.FINAL, second.hash)
        assert second.max_fee >= 200 * self.GWEI
        assert second.max_priority_fee * 10 >= first.max_priority_fee * 11
        assert balance(chain_platform, NOBODY) == 7

    def test_is_paid_where_the_pool_dropped_it_and_takes_it_no_more(self, chain_platform: ChainPlatform) -> None:
        before = balance(chain_platform, NOBODY)
        first = self.overtake(chain_platform, "dropped and dear")
        chain_platform.node.call("anvil_dropTransaction", first.hash)
        for seconds in (5, 20, 40, 60):
            chain_platform.step("sender", later=timedelta(seconds=seconds))
        assert TxAttempt.objects.filter(intent_id=first.intent_id).count() == 2
        self.next_block(chain_platform, 100)
        chain_platform.node.call("evm_setAutomine", True)
        chain_platform.run_sender_until_final()
        assert read(first.intent_id).state == IntentState.FINAL
        assert balance(chain_platform, NOBODY) == before + 7

    def test_is_paid_for_what_was_signed_whatever_the_row_says_since(self, chain_platform: ChainPlatform) -> None:
        nobody, thief = balance(chain_platform, NOBODY), "0x" + "ee" * 20
        first = self.overtake(chain_platform, "changed since")
        TxIntent.objects.filter(pk=first.intent_id).update(to=thief, value=10**18)
        for _ in range(2):
            chain_platform.step("sender", later=timedelta(seconds=20))
        self.next_block(chain_platform, 100)
        chain_platform.node.call("evm_setAutomine", True)
        chain_platform.run_sender_until_final()
        assert TxAttempt.objects.filter(intent_id=first.intent_id).count() == 2
        assert (balance(chain_platform, NOBODY), balance(chain_platform, thief)) == (nobody + 7, 0)

    def test_is_not_paid_with_bytes_that_are_not_the_intents(
        self, chain_platform: ChainPlatform, caplog: pytest.LogCaptureFixture
    ) -> None:
        first = self.overtake(chain_platform, "renumbered")
        TxIntent.objects.filter(pk=first.intent_id).update(nonce=first.intent.nonce + 1000)
        chain_platform.step("sender", later=timedelta(seconds=20))
        assert "stored bytes are not the intent's" in caplog.messages
        assert TxAttempt.objects.filter(intent_id=first.intent_id).count() == 1
        TxIntent.objects.filter(pk=first.intent_id).update(nonce=first.intent.nonce)
        chain_platform.step("sender", later=timedelta(seconds=20))
        self.next_block(chain_platform, 100)
        chain_platform.node.call("evm_setAutomine", True)
        chain_platform.run_sender_until_final()
        assert read(first.intent_id).state == IntentState.FINAL

    def test_beyond_the_cap_waits_for_a_person(
        self, chain_platform: ChainPlatform, caplog: pytest.LogCaptureFixture
    ) -> None:
        first = self.overtake(chain_platform, "too dear")
        with override_settings(CHAIN_MAX_FEE_PER_GAS=120 * self.GWEI):
            self.next_block(chain_platform, 110)
            chain_platform.step("sender", later=timedelta(seconds=20))
            assert TxAttempt.objects.filter(intent_id=first.intent_id).count() == 2
            self.next_block(chain_platform, 150)
            chain_platform.step("sender", later=timedelta(seconds=60))
        assert TxAttempt.objects.filter(intent_id=first.intent_id).count() == 2
        assert "fee cap reached" in caplog.messages
        chain_platform.node.call("evm_setAutomine", True)

    def test_of_a_signer_whose_key_is_gone_stops_no_other(
        self, chain_platform: ChainPlatform, caplog: pytest.LogCaptureFixture
    ) -> None:
        stuck = self.overtake(chain_platform, "key gone")
        Signer.objects.filter(pk=SignerRole.AGENT).update(address=NOBODY)
        other = send(key="key there", signer=SignerRole.OPERATOR, value=1)
        chain_platform.step("sender", later=timedelta(seconds=20))
        self.next_block(chain_platform, 100)
        chain_platform.step("sender", later=timedelta(seconds=20))
        assert read(other.id).state == IntentState.MINED
        assert "signer unavailable" in caplog.messages
        Signer.objects.filter(pk=SignerRole.AGENT).update(address=chain_platform.account(1).address.lower())
        chain_platform.step("sender", later=timedelta(seconds=40))
        chain_platform.step("sender", later=timedelta(seconds=40))
        self.next_block(chain_platform, 100)
        chain_platform.node.call("evm_setAutomine", True)
        chain_platform.run_sender_until_final()
        assert read(stuck.intent_id).state == IntentState.FINAL

    def test_is_not_paid_to_whoever_a_node_names_a_tip_for(self, chain_platform: ChainPlatform) -> None:
        """The tip is the node's word alone: it never takes an offer beyond the cap."""
        tip = {"result": hex(10**6 * self.GWEI)}
        greedy = Answers(lambda method, _params, _truth: tip if method == "eth_maxPriorityFeePerGas" else None)
        intent, (_, leadership) = send(key="tipped", value=1), chain_platform.engine("sender")
        with (
            LyingNode(chain_platform.url) as liar,
            liar.lying(greedy),
            Node(liar.url, chain_id=chain_platform.node.chain_id) as node,
            override_settings(CHAIN_MAX_FEE_PER_GAS=120 * self.GWEI),
        ):
            Sender(node).step(leadership, intent.created_at)
        attempt = TxAttempt.objects.get(intent_id=intent.id)
        assert attempt.max_fee <= 120 * self.GWEI
        assert attempt.max_priority_fee <= attempt.max_fee
        chain_platform.run_sender_until_final()
