"""Heads signed by a key that stays in KMS: honest, lying and away."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.audit.engines import KEY
from apps.audit.heads import Head, KmsHeadSigner, key_id, verify_head
from apps.audit.models import AuditHead, AuditLeaf, AuditSigningKey
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import HEAD_PAUSE, Led, pass_horizon
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.models import Alert, ProviderCircuit
from apps.core.providers.factory import guarded_client
from apps.core.providers.policy import policy_of
from apps.core.testing import databases
from apps.vault.errors import SigningKeyUnavailable
from apps.vault.kms.aws import AwsKms
from apps.vault.services.signing import SigningKey
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.fake_kms import ACCESS_KEY, REGION, SECRET_KEY, FakeKms

ROOT = Path(__file__).resolve().parents[3]
HEAD = Head("example.org/audit", 7, bytes(range(32)), clock.now())


@pytest.fixture
def kms(books: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKms]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    ProviderCircuit.objects.all().delete()
    with fake.fake_kms() as found:
        yield found


def client_of(kms: FakeKms) -> Any:
    return guarded_client("kms", policy_of("kms"))


def aws(kms: FakeKms, client: Any) -> AwsKms:
    return AwsKms(client, key=kms.key, region=REGION, endpoint=kms.url)


class TestAKeyOfKms:
    def test_signs_what_anyone_verifies_with_its_public_half(self, kms: FakeKms) -> None:
        with client_of(kms) as client:
            signer = KmsHeadSigner(SigningKey(aws(kms, client).signing_key(kms.add_signing_key())))
            verify_head(HEAD, signer.sign(HEAD), signer.public_key)
        assert kms.seen == ["GetPublicKey", "Sign"]

    def test_that_is_of_another_kind_is_refused(self, kms: FakeKms) -> None:
        with client_of(kms) as client:
            for part, value in {"KeySpec": "ECC_NIST_P256", "PublicKey": "AAAA"}.items():
                kms.bend = fake.replaced("GetPublicKey", part, value)
                with pytest.raises(SigningKeyUnavailable):
                    KmsHeadSigner(SigningKey(aws(kms, client).signing_key(kms.add_signing_key())))
            kms.be_honest()
            with pytest.raises(SigningKeyUnavailable, match="NotFoundException"):
                KmsHeadSigner(SigningKey(aws(kms, client).signing_key(kms.key)))

    def test_that_signs_something_else_is_not_believed(self, kms: FakeKms) -> None:
        with client_of(kms) as client:
            signer = KmsHeadSigner(SigningKey(aws(kms, client).signing_key(kms.add_signing_key())))
            for value in ("AAAA", "A" * 86 + "==", None):
                kms.bend = fake.replaced("Sign", "Signature", value)
                with pytest.raises(SigningKeyUnavailable):
                    signer.sign(HEAD)

    @pytest.mark.parametrize(
        "behave", [fake.says("DisabledException"), fake.says("AccessDeniedException"), fake.hangs_up]
    )
    def test_that_cannot_be_had_gives_a_reason(self, kms: FakeKms, behave: Callable[..., None]) -> None:
        with client_of(kms) as client:
            signer = KmsHeadSigner(SigningKey(aws(kms, client).signing_key(kms.add_signing_key())))
            kms.behave = behave
            with pytest.raises(SigningKeyUnavailable):
                signer.sign(HEAD)


def write() -> None:
    with unit_of_work():
        log_audit_event(actor=system_actor(), action="test.done", resource_type="thing", resource_id="1")
    pass_horizon()


def step(log: Led, pauses: int) -> None:
    log.step(clock.now() + pauses * 2 * HEAD_PAUSE)


class TestTheSequencer:
    def test_numbers_while_the_key_is_away_and_signs_when_it_is_back(self, kms: FakeKms) -> None:
        name = kms.add_signing_key()
        public = kms.signing_keys[name].public_key().public_bytes_raw()
        kms.behave = fake.says("DisabledException")
        write()
        with client_of(kms) as client:
            log = Led(find_signer=lambda: KmsHeadSigner(SigningKey(aws(kms, client).signing_key(name))))
            step(log, 1)
            step(log, 2)
            assert AuditLeaf.objects.exists()
            assert not AuditHead.objects.exists()
            assert "DisabledException" in Alert.objects.get(dedup_key=KEY, resolved_at=None).summary
            kms.be_honest()
            ProviderCircuit.objects.all().delete()
            step(log, 3)
            step(log, 4)
        head = AuditHead.objects.get()
        assert bytes(AuditSigningKey.objects.get().public_key) == public
        verify_head(Head(head.log, head.size, bytes(head.root), head.at), bytes(head.signature), public)
        assert not Alert.objects.filter(dedup_key=KEY, resolved_at=None).exists()


class TestAProcess:
    def test_that_is_told_of_a_key_signs_with_it(self, kms: FakeKms, books: str, tmp_path: Path) -> None:
        name = kms.add_signing_key()
        environment = os.environ | databases.urls_of(books)
        environment |= {"AUDIT_SIGNING_KMS_KEY": name, "AWS_KMS_KEY_ID": kms.key, "AWS_ENDPOINT_URL_KMS": kms.url}
        environment |= {"DJANGO_SETTINGS_MODULE": "config.settings", "AUDIT_SIGNING_KEY": ""}
        ask = "import django; django.setup(); from apps.audit.heads import head_signer; print(head_signer().key_id)"
        done = subprocess.run(
            [sys.executable, "-c", ask], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        public = kms.signing_keys[name].public_key().public_bytes_raw()
        assert (done.stdout.strip(), done.returncode) == (key_id(public), 0), done.stderr
