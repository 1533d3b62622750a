"""Transactions signed at KMS: one or many at a time, and what of them is left when it fails."""

import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.db import connection, connections
from eth_account import Account
from eth_account.messages import encode_defunct

from apps.chain.eip1559 import SignedBytes, Transaction, address_of
from apps.chain.errors import SignerUnavailable
from apps.chain.signers import TransactionSigner, sign_message, sign_transaction, sign_transactions, signer_for
from apps.chain.tests.keys import kms_of_ours, signing_by, source
from apps.chain.types import SignerRole
from apps.core.db import unit_of_work
from apps.core.models import ProviderCircuit
from apps.core.testing import databases
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.fake_ecdsa import high_s, signing
from apps.vault.tests.fake_kms import FakeKms, Fault
from config.chain_signers import SourceKind

AGENT = SignerRole.AGENT


def transfer(nonce: int = 0) -> Transaction:
    return Transaction(31337, nonce, 1, 2, 21_000, "0x" + "ab" * 20, 5)


MANY = [transfer(nonce) for nonce in range(20)]


@pytest.fixture
def kms(books: str) -> Iterator[FakeKms]:
    with kms_of_ours() as found:
        yield found


@pytest.fixture
def name(kms: FakeKms) -> str:
    return kms.add_ecdsa_key()


@pytest.fixture
def signer(name: str) -> Iterator[TransactionSigner]:
    with signing_by(AGENT=source(AGENT, SourceKind.KMS_KEY, name=name)):
        yield signer_for(AGENT)


def nonces_signed(signed: list[SignedBytes | SignerUnavailable], signer: TransactionSigner) -> list[int]:
    """Of those that were, each checked by eth_account to be the signer's, of the right transaction."""
    found = []
    for transaction, each in zip(MANY, signed, strict=True):
        if isinstance(each, SignedBytes):
            assert Account.recover_transaction(each.raw).lower() == signer.address
            found.append(transaction.nonce)
    return found


class Crowd:
    """Counts signatures in the making, the most at once, and refuses those of these numbers in the order they come."""

    def __init__(self, kms: FakeKms, *, slowly: float = 0.0, refusing: frozenset[int] = frozenset()) -> None:
        self._lock, self._slowly, self._refusing = threading.Lock(), slowly, refusing
        self.count = self.now = self.most = 0
        kms.bend = self.bend

    def bend(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.count += 1
            number = self.count
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self._slowly)
        with self._lock:
            self.now -= 1
        if number in self._refusing:
            raise Fault("ThrottlingException")
        return answer


class TestAKeyOfKms:
    def test_signs_what_eth_account_recovers(self, kms: FakeKms, name: str, signer: TransactionSigner) -> None:
        assert signer.address == address_of(kms.ecdsa_keys[name].point)
        kms.bend = signing(high_s)
        for nonce in range(4):
            assert Account.recover_transaction(sign_transaction(signer, transfer(nonce)).raw).lower() == signer.address
        message = bytes(range(32))
        signature = sign_message(signer, message)
        assert Account.recover_message(encode_defunct(message), signature=signature).lower() == signer.address

    def test_is_asked_for_its_public_half_once(self, kms: FakeKms, signer: TransactionSigner) -> None:
        for _ in range(3):
            sign_transaction(signer_for(AGENT), transfer())
        assert kms.seen == ["GetPublicKey", "Sign", "Sign", "Sign"]

    def test_that_could_not_be_had_is_asked_for_again(self, kms: FakeKms, name: str) -> None:
        kms.ecdsa_keys[name].enabled = False
        with signing_by(AGENT=source(AGENT, SourceKind.KMS_KEY, name=name)):
            with pytest.raises(SignerUnavailable) as refused:
                signer_for(AGENT)
            assert dict(refused.value.context) == {"signer": "AGENT", "reason": "DisabledException"}
            assert refused.value.__cause__ is refused.value.__context__ is None
            kms.ecdsa_keys[name].enabled = True
            assert sign_transaction(signer_for(AGENT), transfer()).raw

    def test_of_another_kind_is_no_signer(self, kms: FakeKms) -> None:
        for other, reason in ((kms.add_signing_key(), "not_a_secp256k1_key"), (kms.key, "NotFoundException")):
            with signing_by(AGENT=source(AGENT, SourceKind.KMS_KEY, name=other)):
                with pytest.raises(SignerUnavailable) as refused:
                    signer_for(AGENT)
                assert refused.value.context["reason"] == reason

    def test_is_an_address_and_nothing_else_in_texts_and_pickles(self, signer: TransactionSigner) -> None:
        assert repr(signer) == str(signer) == f"KmsSigner({signer.address})"
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(signer)

    def test_tells_no_digest_and_no_signature_to_the_log(
        self, signer: TransactionSigner, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            signed = sign_transaction(signer, transfer())
        assert signed.raw[-64:-32].hex() not in caplog.text
        assert signed.raw[-32:].hex() not in caplog.text

    def test_signs_in_a_forked_child_by_a_connection_of_its_own(
        self, kms: FakeKms, name: str, signer: TransactionSigner
    ) -> None:
        sign_transaction(signer, transfer())
        connections.close_all()
        child = os.fork()
        if child == 0:
            try:
                raw = sign_transaction(signer, transfer(7)).raw
                os._exit(0 if Account.recover_transaction(raw).lower() == signer.address else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert sign_transaction(signer, transfer(8)).raw
        assert kms.seen == ["GetPublicKey", "Sign", "Sign", "Sign"]


class TestAProcess:
    def test_that_is_told_of_keys_in_its_environment_signs_with_them(
        self, kms: FakeKms, name: str, books: str, tmp_path: Path
    ) -> None:
        keyfile, secret = tmp_path / "operator.json", "0x" + "5c" * 32
        keyfile.write_text(json.dumps(Account.encrypt(secret, "open  sesame", kdf="pbkdf2", iterations=2)))
        environment = os.environ | databases.urls_of(books) | {"DJANGO_SETTINGS_MODULE": "config.settings"}
        environment |= {"AWS_KMS_KEY_ID": kms.key, "AWS_ENDPOINT_URL_KMS": kms.url, "CHAIN_SIGNER_AGENT_KMS_KEY": name}
        environment |= {
            "CHAIN_SIGNER_OPERATOR_KEYFILE": str(keyfile),
            "CHAIN_SIGNER_OPERATOR_PASSPHRASE": "open  sesame",
        }
        ask = (
            "import django; django.setup();"
            "from apps.chain.signers import sign_message, signer_for; from apps.chain.types import SignerRole;"
            "signers = [signer_for(SignerRole.AGENT), signer_for(SignerRole.OPERATOR)];"
            "print(*[sign_message(signer, bytes(32)).hex() for signer in signers], *signers)"
        )
        command = [sys.executable, "-c", ask]
        done = subprocess.run(command, cwd=databases.ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        agent, operator, *texts = done.stdout.split()
        recovered = [
            Account.recover_message(encode_defunct(bytes(32)), signature=signature).lower()
            for signature in (agent, operator)
        ]
        assert recovered == [address_of(kms.ecdsa_keys[name].point), Account.from_key(secret).address.lower()]
        assert texts == [f"KmsSigner({recovered[0]})", f"LocalSigner({recovered[1]})"]


class TestMany:
    def test_are_signed_eight_at_a_time_each_its_own(self, kms: FakeKms, signer: TransactionSigner) -> None:
        crowd = Crowd(kms, slowly=0.1)
        signed = sign_transactions(signer, MANY)
        assert nonces_signed(signed, signer) == list(range(20))
        assert crowd.count == 20
        assert crowd.most in range(5, 9)

    def test_that_fail_cost_the_others_nothing(self, kms: FakeKms, signer: TransactionSigner) -> None:
        Crowd(kms, refusing=frozenset({3, 11, 12}))
        signed = sign_transactions(signer, MANY)
        refused = [each for each in signed if isinstance(each, SignerUnavailable)]
        assert [each.context["reason"] for each in refused] == ["ThrottlingException"] * 3
        assert len(nonces_signed(signed, signer)) == 17

    def test_of_which_one_answer_is_wrong_are_the_others(self, kms: FakeKms, signer: TransactionSigner) -> None:
        """One signature of the batch comes back for another digest."""
        seen: list[bytes] = []

        def second_is_replayed(r: int, s: int) -> bytes:
            seen.append(encode_dss_signature(r, s))
            return seen[0] if len(seen) == 2 else seen[-1]

        kms.bend = signing(second_is_replayed)
        signed = sign_transactions(signer, MANY)
        refused = [each for each in signed if isinstance(each, SignerUnavailable)]
        assert [each.context["reason"] for each in refused] == ["wrong_signature"]
        assert len(nonces_signed(signed, signer)) == 19

    def test_are_none_where_kms_is_away_and_soon(self, kms: FakeKms, signer: TransactionSigner) -> None:
        kms.behave = fake.hangs_up
        began = time.monotonic()
        signed = sign_transactions(signer, MANY)
        assert {each.context["reason"] for each in signed if isinstance(each, SignerUnavailable)} <= {
            "ReadError",
            "RemoteProtocolError",
            "circuit_open",
        }
        assert nonces_signed(signed, signer) == []
        assert time.monotonic() - began < 20
        kms.be_honest()
        ProviderCircuit.objects.all().delete()
        assert nonces_signed(sign_transactions(signer, MANY), signer) == list(range(20))

    def test_are_never_signed_in_a_unit_of_work(self, kms: FakeKms, signer: TransactionSigner) -> None:
        for batch in (MANY, MANY[:1]):
            with pytest.raises(RuntimeError, match="unit of work"), unit_of_work():
                sign_transactions(signer, batch)
        assert kms.seen == ["GetPublicKey"]

    def test_leave_no_connection_behind(self, signer: TransactionSigner) -> None:
        before = backends()
        for _ in range(3):
            sign_transactions(signer, MANY)
        ends = time.monotonic() + 5
        while backends() > before and time.monotonic() < ends:
            time.sleep(0.05)  # a server process takes a moment to end
        assert backends() == before


def backends() -> int:
    """Connections to this test's database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
