"""A whole process that is configured for KMS: settings, policy, breaker, keyring, readiness."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.core.testing import databases
from apps.vault.models import PurposeKey
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.fake_kms import ACCESS_KEY, SECRET_KEY, FakeKms

ROOT = Path(__file__).resolve().parents[3]
ASK = """
import json
import django
django.setup()
from uuid import UUID
from apps.core.registry import registry
from apps.vault.errors import KeyUnavailable
from apps.vault.keys import keyring
from apps.vault.types import Purpose
try:
    kek = keyring().current(Purpose.PERSONAL, UUID(int=7)).kek_id
except KeyUnavailable as refused:
    kek = [refused.code, refused.retry_after]
asked = {name: registry.health_checks[name].ask() for name in ("vault", "provider_kms")}
print(json.dumps({"kek": kek, **{name: [health.ok, health.required, health.detail] for name, health in asked.items()}}))
"""


@pytest.fixture
def kms() -> Iterator[FakeKms]:
    with fake.fake_kms() as found:
        yield found


def ask(kms: FakeKms, books: str, folder: Path) -> dict[str, list[object]]:
    policy = folder / "security.yaml"
    shipped = (ROOT / "config" / "security.yaml").read_text()
    policy.write_text(shipped.replace("development_provider: LOCAL", "development_provider: KMS"))
    environment = {
        **os.environ,
        **databases.urls_of(books),
        "BOOKENTRY_SECURITY_FILE": str(policy),
        "AWS_KMS_KEY_ID": kms.key,
        "AWS_ENDPOINT_URL_KMS": kms.url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "LOG_LEVEL": "DEBUG",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert SECRET_KEY not in done.stdout + done.stderr
    assert "Plaintext" not in done.stderr
    found: dict[str, list[object]] = json.loads(done.stdout.splitlines()[-1])
    return found


class TestAProcessWithKms:
    def test_wraps_its_keys_there_and_is_degraded_while_it_is_gone(
        self, kms: FakeKms, books: str, tmp_path: Path
    ) -> None:
        found = ask(kms, books, tmp_path)
        row = PurposeKey.objects.get()
        assert (found["kek"], row.provider, row.provider_key) == (row.pk, "KMS", kms.key)
        assert found["vault"] == [True, False, "open: 1"]
        assert found["provider_kms"][:2] == [True, False]
        kms.behave = fake.says("DisabledException")
        found = ask(kms, books, tmp_path)
        assert found["kek"] == ["key_unavailable", 5]
        assert found["vault"] == [False, False, "no key of: personal"]
