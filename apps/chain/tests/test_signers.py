"""Keys: where they come from, when they are refused, that they are never shown, and what they sign."""

import copy
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import override_settings
from eth_account import Account
from eth_account.messages import encode_defunct

from apps.chain import signers
from apps.chain.eip1559 import Transaction, digest_of, read_signed, sender_of
from apps.chain.errors import SignerUnavailable
from apps.chain.signers import TransactionSigner, sign_message, sign_transaction, sign_transactions
from apps.chain.signers.development import ADDRESSES, INDEX, development_key
from apps.chain.signers.local import LocalSigner
from apps.chain.tests.keys import signing_by, source
from apps.chain.types import SignerRole
from config.chain_signers import SignerSource, SourceKind

ROOT = Path(__file__).resolve().parents[3]
KEY = "0x" + "5c" * 32
ADDRESS = Account.from_key(KEY).address.lower()
AGENT = SignerRole.AGENT
PLAIN = source(AGENT, SourceKind.KEY, secret=KEY)
TRANSFER = Transaction(
    chain_id=31337, nonce=0, max_priority_fee=1, max_fee=2, gas_limit=21_000, to="0x" + "ab" * 20, value=5
)


def written(folder: Path, key: str = KEY, passphrase: str = "open sesame", **changed: Any) -> str:
    """A keyfile's path."""
    content = Account.encrypt(key, passphrase, kdf="pbkdf2", iterations=2) | changed
    (folder / "key.json").write_text(json.dumps(content))
    return str(folder / "key.json")


def keyfile(name: str, secret: str = "open sesame", **more: str) -> SignerSource:
    return source(AGENT, SourceKind.KEYFILE, name=name, secret=secret, **more)


class TestSource:
    def test_is_an_encrypted_keyfile(self, tmp_path: Path) -> None:
        with signing_by(AGENT=keyfile(written(tmp_path))):
            assert signers.signer_for(AGENT).address == ADDRESS
            assert signers.signer_for(SignerRole.OPERATOR).address == ADDRESSES[2]

    def test_is_a_keyfile_by_scrypt_too(self, tmp_path: Path) -> None:
        content = Account.encrypt(KEY, "open sesame", kdf="scrypt", iterations=2)
        (tmp_path / "key.json").write_text(json.dumps(content))
        with signing_by(AGENT=keyfile(str(tmp_path / "key.json"))):
            assert signers.signer_for(AGENT).address == ADDRESS

    def test_is_a_keyfile_whose_passphrase_lies_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "passphrase").write_text("ein Spaß, with blanks \n")
        path = written(tmp_path, passphrase="ein Spaß, with blanks ")
        with signing_by(AGENT=keyfile(path, "", passphrase_file=str(tmp_path / "passphrase"))):
            assert signers.signer_for(AGENT).address == ADDRESS

    def test_is_a_plain_key_in_development(self) -> None:
        with signing_by(AGENT=PLAIN):
            assert signers.signer_for(AGENT).address == ADDRESS

    def test_is_development_only_in_development(self) -> None:
        assert [signers.signer_for(role).address for role in SignerRole] == [
            ADDRESSES[INDEX[role]] for role in SignerRole
        ]
        assert len(set(INDEX.values())) == len(SignerRole)
        with override_settings(CHAIN_DEVELOPMENT_KEYS=False), pytest.raises(SignerUnavailable) as refused:
            signers.signer_for(SignerRole.DEPLOYER)
        assert "CHAIN_SIGNER_DEPLOYER_KMS_KEY nor CHAIN_SIGNER_DEPLOYER_KEYFILE" in refused.value.message

    def test_is_never_development_on_another_chain(self) -> None:
        with override_settings(CHAIN_ID=1), pytest.raises(SignerUnavailable):
            signers.signer_for(SignerRole.DEPLOYER)

    @pytest.mark.parametrize("elsewhere", [{"CHAIN_DEVELOPMENT_KEYS": False}, {"CHAIN_ID": 1}])
    @pytest.mark.parametrize("index", [0, 1, 19])
    def test_is_no_published_key_outside_of_development(
        self, tmp_path: Path, index: int, elsewhere: dict[str, Any]
    ) -> None:
        """Somebody may well encrypt a development key into a keyfile, and take it along."""
        path = written(tmp_path, key="0x" + development_key(index).hex())
        with signing_by(AGENT=keyfile(path)):
            assert signers.signer_for(AGENT).address == ADDRESSES[index]
            with override_settings(**elsewhere), pytest.raises(SignerUnavailable, match="published"):
                signers.signer_for(AGENT)

    def test_of_development_has_the_addresses_written_down(self) -> None:
        assert [LocalSigner(development_key(index)).address for index in range(20)] == list(ADDRESSES)


def damaged(content: dict[str, Any]) -> dict[str, Any]:
    crypto = content["crypto"]
    return content | {"crypto": crypto | {"ciphertext": "00" * 32}}


class TestBadKeyfile:
    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda path: path.unlink(), "cannot be read"),
            (lambda path: path.write_text("hunter2"), "no JSON"),
            (lambda path: path.write_bytes(b"\xff\xfe"), "no JSON"),
            (lambda path: path.write_text("[" * 100_000), "no JSON"),
            (lambda path: path.write_text(" " * 20_000 + path.read_text()), "no JSON"),
            (lambda path: path.write_text("[]"), "version 3"),
            (lambda path: path.write_text("{}"), "version 3"),
            (lambda path: path.write_text('{"version": 4, "crypto": {}}'), "version 3"),
            (lambda path: path.write_text('{"version": 3, "crypto": {}}'), "does not open"),
            (lambda path: path.write_text('{"version": 3, "crypto": {"kdf": "rot13"}}'), "does not open"),
            (lambda path: path.write_text(json.dumps(damaged(json.loads(path.read_text())))), "does not open"),
        ],
    )
    def test_is_refused_in_words_that_quote_nothing(
        self, tmp_path: Path, spoil: Callable[[Path], Any], words: str
    ) -> None:
        path = Path(written(tmp_path))
        spoil(path)
        with signing_by(AGENT=keyfile(str(path))), pytest.raises(SignerUnavailable, match=words) as refused:
            signers.signer_for(AGENT)
        assert refused.value.message.startswith("CHAIN_SIGNER_AGENT_KEYFILE: ")
        told(refused.value, "open sesame", "hunter2", KEY[2:])

    def test_of_another_passphrase_is_refused(self, tmp_path: Path) -> None:
        with signing_by(AGENT=keyfile(written(tmp_path), "close sesame")), pytest.raises(SignerUnavailable) as refused:
            signers.signer_for(AGENT)
        told(refused.value, "sesame", KEY[2:])

    def test_without_its_passphrases_file_is_refused(self, tmp_path: Path) -> None:
        gone = keyfile(written(tmp_path), "", passphrase_file=str(tmp_path / "gone"))
        with signing_by(AGENT=gone), pytest.raises(SignerUnavailable, match="passphrase cannot be read"):
            signers.signer_for(AGENT)

    def test_that_names_another_address_is_refused(self, tmp_path: Path) -> None:
        path = written(tmp_path, address="ab" * 20)
        with signing_by(AGENT=keyfile(path)), pytest.raises(SignerUnavailable, match="another address"):
            signers.signer_for(AGENT)

    def test_is_read_again_once_it_is_mended(self, tmp_path: Path) -> None:
        with signing_by(AGENT=keyfile(str(tmp_path / "key.json"))):
            with pytest.raises(SignerUnavailable):
                signers.signer_for(AGENT)
            written(tmp_path)
            assert signers.signer_for(AGENT).address == ADDRESS

    def test_leaves_the_limit_on_recursion_as_it_was(self, tmp_path: Path) -> None:
        """eth_account and eth_keyfile raise it to where deep JSON kills a process; one that has neither shows it."""
        path = written(tmp_path)
        ask = (
            "import sys, django; django.setup(); before = sys.getrecursionlimit();"
            "import apps.compliance.services.wallets; print('eth_account' in sys.modules);"
            "from apps.chain.signers.keyfile import read_keyfile;"
            f"read_keyfile({path!r}, 'open sesame');"
            "from apps.chain.signers.development import development_key; development_key(1);"
            "print(before == sys.getrecursionlimit() < 10_000)"
        )
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-c", ask]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert (done.stdout.split(), done.returncode) == (["False", "True"], 0), done.stderr

    @pytest.mark.parametrize("key", ["00" * 32, "ff" * 32])
    def test_or_key_that_is_none_of_the_curve_is_refused(self, key: str) -> None:
        bad = source(AGENT, SourceKind.KEY, secret=key)
        with signing_by(AGENT=bad), pytest.raises(SignerUnavailable, match="no private key") as refused:
            signers.signer_for(AGENT)
        told(refused.value, key)


def told(error: SignerUnavailable, *secrets: str) -> None:
    """The error, its context and what it came from tell none of these."""
    assert error.__cause__ is error.__context__ is None
    text = f"{error!r} {error} {dict(error.context)}"
    assert not [secret for secret in secrets if secret in text]


class TestSecret:
    @pytest.fixture(params=["plain", "development"])
    def signer(self, request: pytest.FixtureRequest) -> Iterator[TransactionSigner]:
        with signing_by(**({"AGENT": PLAIN} if request.param == "plain" else {})):
            yield signers.signer_for(AGENT)

    def test_is_in_no_text(self, signer: TransactionSigner) -> None:
        expected = f"LocalSigner({signer.address})"
        assert repr(signer) == str(signer) == f"{signer}" == expected
        assert not hasattr(signer, "__dict__")

    def test_is_in_no_pickle_and_no_copy(self, signer: TransactionSigner) -> None:
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="not pickled"):
                take(signer)

    def test_is_in_no_text_and_no_pickle_of_its_source(self) -> None:
        for held in (PLAIN, {"AGENT": PLAIN}, keyfile("/run/agent.json", "open sesame")):
            assert not [secret for secret in (KEY, KEY[2:], "sesame") if secret in repr(held)]
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(PLAIN)


class TestSignature:
    @pytest.fixture
    def signer(self) -> Iterator[TransactionSigner]:
        with signing_by(AGENT=PLAIN):
            yield signers.signer_for(AGENT)

    def test_of_equal_transactions_is_equal(self, signer: TransactionSigner) -> None:
        assert sign_transaction(signer, TRANSFER) == sign_transaction(signer, TRANSFER)

    def test_recovers_to_the_signer(self, signer: TransactionSigner) -> None:
        signed = sign_transaction(signer, TRANSFER)
        assert Account.recover_transaction(signed.raw).lower() == ADDRESS
        assert sender_of(*read_signed(signed.raw)) == ADDRESS

    def test_of_many_is_that_of_each(self, signer: TransactionSigner) -> None:
        many = [TRANSFER, Transaction(1, 7, 0, 9, 60_000, None, 0, b"\x60")]
        assert sign_transactions(signer, many) == [sign_transaction(signer, each) for each in many]
        assert sign_transactions(signer, []) == []

    def test_is_of_32_bytes(self, signer: TransactionSigner) -> None:
        for length in (0, 31, 33):
            with pytest.raises(ValueError, match="32 bytes"):
                signer.sign(bytes(length))
            with pytest.raises(ValueError, match="32 bytes"):
                sign_message(signer, bytes(length))

    @pytest.mark.parametrize("message", [bytes(32), digest_of(TRANSFER), b"\xff" * 32])
    def test_of_a_message_is_that_of_eip_191(self, signer: TransactionSigner, message: bytes) -> None:
        theirs = Account.sign_message(encode_defunct(primitive=message), KEY)
        assert sign_message(signer, message) == bytes(theirs.signature)
