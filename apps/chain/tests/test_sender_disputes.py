"""The sender where the chain or its node disagrees: strangers, a pool that forgets, reorganisation."""

from datetime import timedelta

import pytest

from apps.chain.models import Signer, TxAttempt, TxIntent
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.tests.sending import NOBODY, balance, chain_nonce, ends, passages, send, step_until_mined
from apps.chain.types import IntentState, SignerRole

LATER = timedelta(seconds=10)


class TestStranger:
    """Somebody else sends with our key."""

    def test_freezes_the_signer_and_raises_an_alarm(
        self, chain_platform: ChainPlatform, caplog: pytest.LogCaptureFixture
    ) -> None:
        stolen = chain_platform.account(1)
        chain_platform.send(stolen, "0x" + "ee" * 20, value=1)
        intent = send(key="nonce taken", value=7)
        others = send(key="another signer", signer=SignerRole.OPERATOR, value=1)
        for _ in range(3):
            chain_platform.catch_up()
            chain_platform.step("sender")
            chain_platform.finalize()
        chain_platform.catch_up()
        chain_platform.step("sender")
        signer = Signer.objects.get(pk=SignerRole.AGENT)
        assert signer.frozen_reason == "FOREIGN_TRANSACTION"
        assert "signer frozen" in caplog.messages
        assert read(intent.id).state == IntentState.SIGNED
        assert read(others.id).state == IntentState.FINAL
        assert balance(chain_platform, NOBODY) == 1

    def test_stops_everything_behind_it(self, chain_platform: ChainPlatform) -> None:
        behind = send(key="behind the stranger")
        sent = chain_nonce(chain_platform, SignerRole.AGENT)
        chain_platform.step("sender")
        assert read(behind.id).state == IntentState.NONCED
        assert chain_nonce(chain_platform, SignerRole.AGENT) == sent


class TestNodeThatForgets:
    def test_is_sent_the_same_bytes_again(self, chain_platform: ChainPlatform) -> None:
        node = chain_platform.node
        node.call("evm_setAutomine", False)
        intent = send(key="forgotten", value=7)
        chain_platform.step("sender")
        attempt = TxAttempt.objects.get(intent_id=intent.id)
        assert node.call("anvil_dropTransaction", attempt.hash) == attempt.hash
        chain_platform.step("sender", later=LATER)
        chain_platform.step("sender", later=LATER)
        node.call("evm_setAutomine", True)
        chain_platform.mine()
        chain_platform.run_sender_until_final()
        assert read(intent.id).tx_hash == attempt.hash
        assert TxAttempt.objects.filter(intent_id=intent.id).count() == 1
        assert balance(chain_platform, NOBODY) == 7

    def test_having_them_already_counts_as_sent(self, chain_platform: ChainPlatform) -> None:
        node = chain_platform.node
        node.call("evm_setAutomine", False)
        intent = send(key="known", value=1)
        chain_platform.step("sender")
        TxIntent.objects.filter(pk=intent.id).update(state=IntentState.SIGNED)  # as if the commit had been lost
        chain_platform.step("sender")
        assert read(intent.id).state == IntentState.BROADCAST
        node.call("evm_setAutomine", True)
        chain_platform.mine()
        chain_platform.run_sender_until_final()

    def test_having_mined_them_already_counts_as_sent(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="mined", value=1)
        chain_platform.step("sender")
        clear = dict.fromkeys(["tx_hash", "block_number", "block_hash", "succeeded", "gas_used"])
        TxIntent.objects.filter(pk=intent.id).update(state=IntentState.SIGNED, **clear)
        before = balance(chain_platform, NOBODY)
        chain_platform.run_sender_until_final()
        assert read(intent.id).state == IntentState.FINAL
        assert balance(chain_platform, NOBODY) == before


class TestReorganisation:
    def test_that_throws_a_transaction_out_sends_the_same_bytes_again(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="thrown out", value=7)
        step_until_mined(chain_platform, intent)
        mined = read(intent.id)
        assert mined.state == IntentState.MINED
        chain_platform.catch_up()
        chain_platform.node.call("anvil_reorg", 1, [])
        chain_platform.mine()
        assert balance(chain_platform, NOBODY) == 0
        chain_platform.catch_up()
        assert read(intent.id).state == IntentState.BROADCAST
        assert read(intent.id).block_number is None
        assert passages(intent)[-3:] == ["MINED", "ORPHANED", "BROADCAST"]  # by the ingester alone
        chain_platform.step("sender", later=LATER)
        chain_platform.run_sender_until_final()
        done = read(intent.id)
        assert (done.state, done.tx_hash) == (IntentState.FINAL, mined.tx_hash)
        assert balance(chain_platform, NOBODY) == 7
        assert len(ends(intent)) == 1

    def test_that_moves_a_transaction_is_followed(self, chain_platform: ChainPlatform) -> None:
        chain_platform.mine()
        intent = send(key="moved", value=1)
        step_until_mined(chain_platform, intent)
        mined = read(intent.id)
        raw = "0x" + bytes(TxAttempt.objects.get(intent_id=intent.id).raw).hex()
        chain_platform.node.call("anvil_reorg", 2, [[raw, 0]])
        chain_platform.run_sender_until_final()
        done = read(intent.id)
        assert (done.state, done.tx_hash) == (IntentState.FINAL, mined.tx_hash)
        assert mined.block_number is not None
        assert done.block_number == mined.block_number - 1
