"""KYC claims signed by a key that is a call away: between commits, and once each."""

from collections.abc import Iterator

import pytest

from apps.chain.models import ChainIdentity, TxIntent
from apps.chain.selectors import tokens as read
from apps.chain.services.claims import CLAIM, sign_claims
from apps.chain.signers.development import INDEX, development_key
from apps.chain.testing import ChainPlatform
from apps.chain.tests.keys import kms_of_ours, signing_by, source
from apps.chain.tests.test_journeys import provide, topics
from apps.chain.types import ClaimState, SignerRole
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.models import ProviderCircuit
from apps.vault.tests.fake_kms import FakeKms
from config.chain_signers import SourceKind

MANAGEMENT = SignerRole.MANAGEMENT


@pytest.fixture(scope="class")
def kms_of_management(chain_platform: ChainPlatform) -> Iterator[tuple[FakeKms, str]]:
    """The key that manages identities is one of KMS."""
    with kms_of_ours() as kms:
        name = kms.add_ecdsa_key(development_key(INDEX[MANAGEMENT]))
        with signing_by(MANAGEMENT=source(MANAGEMENT, SourceKind.KMS_KEY, name=name)):
            yield kms, name


@pytest.fixture
def kms(kms_of_management: tuple[FakeKms, str]) -> FakeKms:
    """Honest, and asked nothing yet."""
    kms, name = kms_of_management
    kms.be_honest()
    kms.ecdsa_keys[name].enabled = True
    kms.seen.clear()
    ProviderCircuit.objects.all().delete()
    return kms


def claim_of(wallet: str) -> ClaimState:
    found = read.identity(wallet)
    assert found is not None
    return found.claim_state


def made(platform: ChainPlatform, wallet: str) -> None:
    """The identity is on chain, its claim not signed yet."""
    provide(wallet)
    platform.run_sender_until_final()
    while platform.step("relay"):
        pass
    assert claim_of(wallet) == ClaimState.SIGNING


class TestAClaim:
    def test_is_signed_by_a_key_of_kms_and_ends_on_the_chain(self, chain_platform: ChainPlatform, kms: FakeKms) -> None:
        wallet = chain_platform.account(4).address.lower()
        provide(wallet)
        chain_platform.run_until_quiet()
        assert claim_of(wallet) == ClaimState.FINAL
        assert topics(wallet) == ["chain.claim_final"]

    def test_waits_while_the_key_cannot_be_had_and_loses_nothing(
        self, chain_platform: ChainPlatform, kms: FakeKms, kms_of_management: tuple[FakeKms, str]
    ) -> None:
        wallet = chain_platform.account(5).address.lower()
        made(chain_platform, wallet)
        kms.ecdsa_keys[kms_of_management[1]].enabled = False
        chain_platform.step("sender")
        assert claim_of(wallet) == ClaimState.SIGNING
        assert not TxIntent.objects.filter(kind=CLAIM, business_key__contains=wallet).exists()
        kms.ecdsa_keys[kms_of_management[1]].enabled = True
        ProviderCircuit.objects.all().delete()
        chain_platform.run_until_quiet()
        assert claim_of(wallet) == ClaimState.FINAL

    def test_that_was_begun_anew_meanwhile_is_not_submitted(self, chain_platform: ChainPlatform, kms: FakeKms) -> None:
        wallet = chain_platform.account(6).address.lower()
        made(chain_platform, wallet)
        _engine, leadership = chain_platform.engine("sender")

        def begin_anew(_operation: str, answer: dict[str, object]) -> dict[str, object]:
            ChainIdentity.objects.filter(pk=wallet).update(attempts=2)
            return answer

        kms.bend = begin_anew
        assert sign_claims(leadership=leadership, now=clock.now()) == 0
        assert not TxIntent.objects.filter(kind=CLAIM, business_key__contains=wallet).exists()
        kms.be_honest()
        assert sign_claims(leadership=leadership, now=clock.now()) == 1
        assert TxIntent.objects.get(kind=CLAIM, business_key__contains=wallet).business_key.endswith(":2")

    def test_is_asked_for_in_a_unit_of_work_without_a_call(self, chain_platform: ChainPlatform, kms: FakeKms) -> None:
        ChainIdentity.objects.filter(pk=chain_platform.account(6).address.lower()).update(claim_state="FAILED")
        with unit_of_work():
            provide(chain_platform.account(6).address.lower())
            assert claim_of(chain_platform.account(6).address.lower()) == ClaimState.SIGNING
        assert not kms.seen
