"""Keys: where they come from, when they are refused, and that they are never shown."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test.utils import override_settings
from eth_account import Account

from apps.chain import signers
from apps.chain.errors import SignerUnavailable
from apps.chain.types import SignerRole

KEY = "0x" + "5c" * 32
ADDRESS = Account.from_key(KEY).address.lower()
FIELDS = {"chainId": 31337, "nonce": 0, "value": 0, "data": b"", "gas": 21_000}
FEES = {"maxFeePerGas": 2, "maxPriorityFeePerGas": 1}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Keys are read once a process: forget them around each test."""
    signers._configured.cache_clear()
    yield
    signers._configured.cache_clear()


class TestSource:
    def test_is_the_environments_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHAIN_SIGNER_AGENT_KEY", KEY)
        assert signers.signer_for(SignerRole.AGENT).address == ADDRESS
        assert signers.signer_for(SignerRole.OPERATOR).address != ADDRESS

    def test_is_an_encrypted_keyfile(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "key.json").write_text(json.dumps(Account.encrypt(KEY, "open sesame", iterations=2)))
        (tmp_path / "passphrase").write_text("open sesame\n")
        monkeypatch.setenv("CHAIN_SIGNER_AGENT_KEYFILE", str(tmp_path / "key.json"))
        monkeypatch.setenv("CHAIN_SIGNER_AGENT_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
        assert signers.signer_for(SignerRole.AGENT).address == ADDRESS

    def test_is_development_only_in_development(self) -> None:
        assert signers.signer_for(SignerRole.DEPLOYER).address == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        with override_settings(CHAIN_DEVELOPMENT_KEYS=False), pytest.raises(SignerUnavailable, match="KEYFILE"):
            signers.signer_for(SignerRole.DEPLOYER)

    def test_is_never_development_on_another_chain(self) -> None:
        with override_settings(CHAIN_ID=1), pytest.raises(SignerUnavailable):
            signers.signer_for(SignerRole.DEPLOYER)


class TestSecret:
    def test_is_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHAIN_SIGNER_AGENT_KEY", KEY)
        signer = signers.signer_for(SignerRole.AGENT)
        assert repr(signer) == f"LocalSigner({ADDRESS})"

    def test_is_not_in_the_refusal_of_a_bad_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHAIN_SIGNER_AGENT_KEY", "0xnot-a-key-but-secret")
        with pytest.raises(SignerUnavailable) as refused:
            signers.signer_for(SignerRole.AGENT)
        assert "secret" not in f"{refused.value!r} {refused.value.context}"
        assert refused.value.__suppress_context__


class TestSignature:
    def test_of_equal_fields_is_equal(self) -> None:
        signer = signers.signer_for(SignerRole.AGENT)
        first, second = (signer.sign_transaction({**FIELDS, **FEES, "to": "0x" + "ab" * 20}) for _ in range(2))
        assert first == second

    def test_recovers_to_the_signer(self) -> None:
        signer = signers.signer_for(SignerRole.AGENT)
        signed = signer.sign_transaction({**FIELDS, **FEES})
        assert Account.recover_transaction(signed.raw).lower() == signer.address
