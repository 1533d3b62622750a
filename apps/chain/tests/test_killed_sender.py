"""kill -9 of the sender at named boundaries: nothing is lost, nothing is sent twice, and nonces stay dense.

Each scene is one step of the sender's that has something to do: what is written is signed, sent and found in a block;
what the base fee overtook is signed for more; what the pool lost is sent again; what is final ends. An honest run of
the step names its boundaries; another is killed at one, and a sender that knows nothing of it goes on.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest

from apps.chain.models import SignerNonce, TxAttempt, TxAttemptOutcome, TxIntent
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.testing.boundaries import Boundary, sample
from apps.chain.tests.sending import balance, chain_nonce, ends, next_block, passages, send, step_until_mined
from apps.chain.types import IntentState, IntentView, SignerRole

LATER = timedelta(seconds=20)
SENDERS = (SignerRole.AGENT, SignerRole.OPERATOR, SignerRole.AGENT)
_numbers = count(1)

Written = list[tuple[IntentView, str]]


def written() -> Written:
    """Intents of two signers, each with its recipient, who has nothing else."""
    found = []
    for role in SENDERS:
        recipient = f"0x{0x5E4D << 32 | next(_numbers):040x}"
        found.append((send(recipient, key=f"killed {recipient}", signer=role, value=1), recipient))
    return found


def to_send(_: ChainPlatform) -> Written:
    return written()


def mined_by_hand(platform: ChainPlatform) -> Written:
    """Sent, and overtaken by the base fee before any block took it."""
    platform.node.call("evm_setAutomine", False)
    next_block(platform, 1)
    found = written()
    platform.step("sender")
    next_block(platform, 100)
    return found


def lost(platform: ChainPlatform) -> Written:
    """Sent, and dropped by the pool."""
    platform.node.call("evm_setAutomine", False)
    found = written()
    platform.step("sender")
    platform.node.call("anvil_dropAllTransactions")
    return found


def mined_and_final(platform: ChainPlatform) -> Written:
    """Mined in a block that is stored and final."""
    found = written()
    for intent, _ in found:
        step_until_mined(platform, intent)
    platform.finalize()
    platform.catch_up()
    return found


@dataclass(frozen=True)
class Scene:
    """What is there before the sender's step, how much later that is, and what the step does if nobody kills it."""

    prepare: Callable[[ChainPlatform], Written]
    later: timedelta
    does: str

    def step(self, platform: ChainPlatform) -> None:
        """The step."""
        platform.step("sender", later=self.later)


SCENES = (
    Scene(to_send, timedelta(), "COPY chain_txattempt"),
    Scene(mined_by_hand, LATER, "COPY chain_txattempt"),
    Scene(lost, LATER, "UPDATE chain_txintent"),
    Scene(mined_and_final, timedelta(), "INSERT chain_txattemptoutcome"),
)


def points(platform: ChainPlatform) -> list[tuple[Scene, Boundary]]:
    """Every boundary of every scene, as honest runs pass them."""
    found = []
    for scene in SCENES:
        intents = scene.prepare(platform)
        run = platform.doomed(scene.step)
        assert any(scene.does in name for name in run.names()), f"the step does not {scene.does}: {run.names()}"
        recover(platform, intents)
        found += [(scene, at) for at in sample(run.passed, len(run.passed), seed=0)]
    return found


def recover(platform: ChainPlatform, intents: Written) -> None:
    """A sender that begins anew goes on, and all that was ever written is sent once."""
    platform.node.call("evm_setAutomine", True)
    next_block(platform, 1)
    platform.run_sender_until_final()
    for intent, recipient in intents:
        assert read(intent.id).state == IntentState.FINAL
        assert passages(intent)[-1] == "FINAL"
        assert passages(intent).count("FINAL") == 1
        assert [topic for topic, _ in ends(intent)] == ["chain.intent_final"]
        assert balance(platform, recipient) == 1
        became = list(TxAttemptOutcome.objects.filter(attempt__intent_id=intent.id).values_list("outcome", flat=True))
        assert became.count("MINED") == 1
        assert len(became) == TxAttempt.objects.filter(intent_id=intent.id).count()
    for role in set(SENDERS):
        following = SignerNonce.objects.get(pk=role).next
        nonces = list(TxIntent.objects.filter(signer_id=role).order_by("nonce").values_list("nonce", flat=True))
        assert nonces == list(range(following - len(nonces), following))
        assert chain_nonce(platform, role) == following


def strike(platform: ChainPlatform, number: int, seed: int) -> None:
    """Kill the sender at so many of its boundaries, one after the other.

    The node mines when it likes: one step in many does not come to a boundary that another came to.
    """
    chosen, struck = points(platform), 0
    assert {scene for scene, _ in chosen} == set(SCENES)
    for scene, at in random.Random(seed).sample(chosen, len(chosen)):
        if struck == number:
            break
        intents = scene.prepare(platform)
        struck += platform.doomed(scene.step, at=at).killed
        recover(platform, intents)
    assert struck >= min(number, len(chosen) * 9 // 10)


class TestTheSender:
    def test_killed_at_ten_boundaries_loses_nothing_and_doubles_nothing(self, chain_platform: ChainPlatform) -> None:
        strike(chain_platform, 10, seed=19)

    @pytest.mark.soak
    def test_killed_at_a_hundred_boundaries_loses_nothing_and_doubles_nothing(
        self, chain_platform: ChainPlatform
    ) -> None:
        strike(chain_platform, 100, seed=20)
