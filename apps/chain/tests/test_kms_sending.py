"""The sender with a key that stays in KMS: all arrives once, and a failure there costs nothing but time."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.chain.eip1559 import read_signed
from apps.chain.models import Signer, SignerNonce, TxAttempt
from apps.chain.selectors.intents import intent as read
from apps.chain.signers import signer_for
from apps.chain.testing import ChainPlatform
from apps.chain.tests.keys import kms_of_ours, signing_by, source
from apps.chain.tests.sending import NOBODY, balance, send
from apps.chain.types import IntentState, IntentView, SignerRole
from apps.core.models import ProviderCircuit
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.fake_ecdsa import EcdsaKey
from apps.vault.tests.fake_kms import FakeKms, Fault
from config.chain_signers import SourceKind

GWEI = 10**9
BATCH = 12


@pytest.fixture(scope="class")
def kms_of_agent(chain_platform: ChainPlatform) -> Iterator[FakeKms]:
    """The agent's key is a new one of KMS, with ether on the chain."""
    with kms_of_ours() as kms:
        named = source(SignerRole.AGENT, SourceKind.KMS_KEY, name=kms.add_ecdsa_key())
        with signing_by(AGENT=named):
            address = signer_for(SignerRole.AGENT).address
            Signer.objects.filter(pk=SignerRole.AGENT).update(address=address)
            SignerNonce.objects.filter(pk=SignerRole.AGENT).update(next=mined(chain_platform, address))
            chain_platform.node.call("anvil_setBalance", address, hex(10**20))
            yield kms


@pytest.fixture
def kms(kms_of_agent: FakeKms) -> FakeKms:
    """Honest, and asked nothing yet."""
    kms_of_agent.be_honest()
    kms_of_agent.seen.clear()
    ProviderCircuit.objects.all().delete()
    return kms_of_agent


def mined(platform: ChainPlatform, address: str) -> int:
    return int(platform.node.call("eth_getTransactionCount", address, "latest"), 16)


def send_many(request: pytest.FixtureRequest) -> list[IntentView]:
    return [send(key=f"{request.node.name} {number}", value=1) for number in range(BATCH)]


def states(intents: list[IntentView]) -> list[IntentState]:
    return [read(intent.id).state for intent in intents]


def all_arrived(platform: ChainPlatform, intents: list[IntentView], before: int) -> None:
    """Once each, with the one set of bytes that was ever stored, and no nonce left out."""
    platform.run_sender_until_final()
    assert states(intents) == [IntentState.FINAL] * len(intents)
    assert [TxAttempt.objects.filter(intent_id=intent.id).count() for intent in intents] == [1] * len(intents)
    assert [intent.nonce for intent in intents] == list(range(intents[0].nonce, intents[0].nonce + len(intents)))
    signer = Signer.objects.get(pk=SignerRole.AGENT)
    assert mined(platform, signer.address) == SignerNonce.objects.get(pk=SignerRole.AGENT).next
    assert balance(platform, NOBODY) == before + len(intents)


@pytest.fixture
def before(chain_platform: ChainPlatform) -> int:
    return balance(chain_platform, NOBODY)


@pytest.fixture
def intents(kms: FakeKms, before: int, request: pytest.FixtureRequest) -> list[IntentView]:
    return send_many(request)


class TestABatch:
    def test_is_signed_once_and_arrives_once(
        self, chain_platform: ChainPlatform, kms: FakeKms, before: int, intents: list[IntentView]
    ) -> None:
        all_arrived(chain_platform, intents, before)
        assert kms.seen == ["Sign"] * BATCH

    def test_of_which_some_are_throttled_loses_none(
        self,
        chain_platform: ChainPlatform,
        kms: FakeKms,
        before: int,
        intents: list[IntentView],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        calls: list[str] = []

        def throttle(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
            calls.append(operation)
            if len(calls) <= 2:  # of eight threads: among the first eight nonces, whichever comes first
                raise Fault("ThrottlingException")
            return answer

        kms.bend = throttle
        chain_platform.step("sender")
        found = states(intents)
        gap = found.index(IntentState.NONCED)
        assert found.count(IntentState.NONCED) == 2
        # Nothing waits at the node for a nonce that is not there yet: what is behind it is kept here, signed.
        assert set(found[:gap]) <= {IntentState.MINED, IntentState.BROADCAST}
        assert set(found[gap:]) == {IntentState.NONCED, IntentState.SIGNED}
        (told,) = [vars(record) for record in caplog.records if record.message == "transactions not signed"]
        assert (told["reason"], told["count"]) == ("ThrottlingException", 2)
        all_arrived(chain_platform, intents, before)
        assert len(calls) == BATCH + 2

    def test_with_a_wrong_signature_stores_nothing_of_it(
        self, chain_platform: ChainPlatform, kms: FakeKms, before: int, intents: list[IntentView]
    ) -> None:
        stranger = EcdsaKey()
        kms.bend = fake.replaced("Sign", "Signature", fake.text(stranger.signature(bytes(32))))
        chain_platform.step("sender")
        assert states(intents) == [IntentState.NONCED] * BATCH
        assert not TxAttempt.objects.filter(intent__in=[intent.id for intent in intents]).exists()
        kms.be_honest()
        all_arrived(chain_platform, intents, before)

    def test_waits_while_kms_is_away_and_the_other_signers_go_on(
        self, chain_platform: ChainPlatform, kms: FakeKms, before: int, intents: list[IntentView]
    ) -> None:
        kms.behave = fake.hangs_up
        other = send("0x" + "cd" * 20, key="of the operator", signer=SignerRole.OPERATOR, value=1)
        for _ in range(3):
            chain_platform.step("sender")
        assert states(intents) == [IntentState.NONCED] * BATCH
        assert read(other.id).state in (IntentState.MINED, IntentState.FINAL)
        kms.be_honest()
        ProviderCircuit.objects.all().delete()
        all_arrived(chain_platform, intents, before)

    def test_waits_while_the_key_is_another_than_the_books_know(
        self,
        chain_platform: ChainPlatform,
        kms: FakeKms,
        before: int,
        intents: list[IntentView],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        another = source(SignerRole.AGENT, SourceKind.KMS_KEY, name=kms.add_ecdsa_key())
        with signing_by(AGENT=another):
            chain_platform.step("sender")
        assert "signer unavailable" in caplog.messages
        assert states(intents) == [IntentState.NONCED] * BATCH
        all_arrived(chain_platform, intents, before)


class TestDearGas:
    def test_is_paid_by_bytes_that_differ_in_fees_alone(self, chain_platform: ChainPlatform, kms: FakeKms) -> None:
        chain_platform.node.call("evm_setAutomine", False)
        next_block(chain_platform, 1)
        intent = send(key="dear, by kms", value=7)
        chain_platform.step("sender")
        next_block(chain_platform, 100)
        for _ in range(2):
            chain_platform.step("sender", later=timedelta(seconds=20))
        next_block(chain_platform, 100)
        chain_platform.node.call("evm_setAutomine", True)
        chain_platform.run_sender_until_final()
        first, second = TxAttempt.objects.filter(intent_id=intent.id).order_by("number")
        (before, _), (after, _) = read_signed(bytes(first.raw)), read_signed(bytes(second.raw))
        assert (read(intent.id).state, read(intent.id).tx_hash) == (IntentState.FINAL, second.hash)
        assert after.max_fee >= 200 * GWEI > before.max_fee
        content = ("chain_id", "nonce", "gas_limit", "to", "value", "data")
        assert [getattr(after, part) for part in content] == [getattr(before, part) for part in content]


def next_block(platform: ChainPlatform, gwei: int) -> None:
    platform.node.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
    platform.mine()
