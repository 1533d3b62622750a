"""Production is asked for by leaving DJANGO_DEBUG out: then nothing is assumed, and nothing is started in its place."""

import os
import re
import secrets
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from config.audit_log import DEVELOPMENT_SEED

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DJANGO_DEBUG": "false",
    "DJANGO_SECRET_KEY": secrets.token_urlsafe(64),
    "JWT_SECRET_KEY": secrets.token_urlsafe(64),
    "PUBLIC_DOMAIN": "books.example.com",
    "DOCUMENTS_LOCATION": "/var/lib/bookentry/documents",
    "DJANGO_ALLOWED_HOSTS": "books.example.com",
    "DATABASE_URL": "postgres://app:secret@127.0.0.1:1/books",
    "DATABASE_OWNER_URL": "postgres://owner:secret@127.0.0.1:1/books",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CHAIN_RPC_URL": "http://127.0.0.1:1",
    "AUDIT_SIGNING_KEY": b64encode(secrets.token_bytes(32)).decode(),
    "AUDIT_S3_BUCKET": "bookentry-audit",
    "AWS_KMS_KEY_ID": "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000",
}
# What operators start; engines are a command of manage.py.
DOORS = [
    ("manage.py", "check"),
    ("-m", "config.server"),
    ("-m", "celery", "-A", "config", "worker"),
    ("-m", "celery", "-A", "config", "beat"),
]


def start(*command: str, without: str = "", **changed: str) -> subprocess.CompletedProcess[str]:
    """Run a door of the project in a production environment, changed, or without one variable."""
    environment = {"PATH": os.environ["PATH"], **PRODUCTION, **changed}
    # An empty variable is an unset one, and keeps a developer's .env from filling it in.
    environment |= {without: ""} if without else {}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


class TestProduction:
    def test_starts_with_everything_set(self) -> None:
        done = start("manage.py", "check")
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "CHAIN_RPC_URL"])
    def test_refuses_to_start_without_a_server_and_names_it(self, name: str) -> None:
        done = start("manage.py", "check", without=name)
        assert done.returncode != 0
        assert name in done.stderr
        assert "secret" not in done.stderr

    def test_needs_the_owner_of_the_tables_to_migrate_and_for_nothing_else(self) -> None:
        assert start("manage.py", "check", without="DATABASE_OWNER_URL").returncode == 0
        done = start("manage.py", "migrate", without="DATABASE_OWNER_URL")
        assert done.returncode != 0
        assert "DATABASE_OWNER_URL is not set" in done.stderr

    @pytest.mark.parametrize("name", ["DJANGO_SECRET_KEY", "JWT_SECRET_KEY", "PUBLIC_DOMAIN", "DOCUMENTS_LOCATION"])
    def test_has_no_default_for_a_secret(self, name: str) -> None:
        done = start("manage.py", "check", without=name)
        assert done.returncode != 0
        assert f"{name} is not set" in done.stderr

    def test_says_all_that_is_wrong_at_once_and_no_value_of_it(self) -> None:
        wrong = {
            "DATABASE_URL": "postgres://app:hunter2#2@db.example.com/books",
            "DJANGO_SECRET_KEY": "hunter2" * 9,
            "JWT_SECRET_KEY": "hunter2",
            "CHAIN_ID": "hunter2",
            "DJANGO_ALLOWED_HOSTS": "*",
            "TRUSTED_PROXIES": "hunter2",
            "CHAIN_SIGNER_AGENT_KEY": "hunter2",
            "LOG_LEVEL": "hunter2",
        }
        done = start("manage.py", "check", **wrong)
        assert done.returncode != 0
        assert done.stderr.startswith("Refusing to start: ")
        assert {line.split()[0] for line in done.stderr.splitlines()[1:]} == set(wrong)
        assert "hunter2" not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr

    def test_refuses_a_mode_that_is_neither(self) -> None:
        for without in ("", "DATABASE_URL"):
            done = start("manage.py", "check", without=without, DJANGO_DEBUG="maybe")
            assert done.returncode != 0
            assert done.stderr.startswith("Refusing to start: ")
            assert "DJANGO_DEBUG must be true or false" in done.stderr

    @pytest.mark.parametrize("door", DOORS, ids=" ".join)
    def test_refuses_at_every_door_in_the_same_words(self, door: tuple[str, ...]) -> None:
        done = start(*door, without="REDIS_URL", JWT_SECRET_KEY="", CHAIN_ID="hunter2")
        assert done.returncode != 0
        assert done.stderr.startswith("Refusing to start: ")
        named = [line.split()[0] for line in done.stderr.splitlines()[1:]]
        assert sorted(named) == ["CHAIN_ID", "JWT_SECRET_KEY", "REDIS_URL"]

    @pytest.mark.parametrize("door", DOORS, ids=" ".join)
    def test_refuses_a_wrong_policy_at_every_door(self, door: tuple[str, ...], tmp_path: Path) -> None:
        wrong = tmp_path / "security.yaml"
        shipped = (ROOT / "config" / "security.yaml").read_text()
        wrong.write_text(re.sub("rotation_days: .*", "rotation_days: often", shipped))
        line = next(n for n, text in enumerate(wrong.read_text().splitlines(), 1) if "rotation_days: often" in text)
        done = start(*door, BOOKENTRY_SECURITY_FILE=str(wrong))
        assert done.returncode != 0
        assert done.stderr.startswith("Refusing to start: ")
        assert f"{wrong}:{line}: encryption.rotation_days: found the text often" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("door", DOORS, ids=" ".join)
    def test_refuses_the_local_key_of_development_at_every_door(self, door: tuple[str, ...], tmp_path: Path) -> None:
        wrong = tmp_path / "security.yaml"
        shipped = (ROOT / "config" / "security.yaml").read_text()
        wrong.write_text(shipped.replace("\n  provider: KMS\n", "\n  provider: LOCAL\n"))
        done = start(*door, BOOKENTRY_SECURITY_FILE=str(wrong))
        assert done.returncode != 0
        assert done.stderr.startswith("Refusing to start: ")
        assert "encryption.provider: found LOCAL in production, expected KMS" in done.stderr

    @pytest.mark.parametrize("door", DOORS, ids=" ".join)
    def test_refuses_to_start_without_a_key_of_kms_at_every_door(self, door: tuple[str, ...]) -> None:
        done = start(*door, without="AWS_KMS_KEY_ID")
        assert done.returncode != 0
        assert "encryption.kms_key: found AWS_KMS_KEY_ID, which is not set" in done.stderr

    @pytest.mark.parametrize(
        ("changed", "line"),
        [
            ({"AWS_KMS_KEY_ID": "alias/books"}, "AWS_DEFAULT_REGION must be the region of the key in AWS_KMS_KEY_ID"),
            ({"AWS_ENDPOINT_URL_KMS": "http://kms.example.com"}, "AWS_ENDPOINT_URL_KMS must be a URL with checked TLS"),
            ({"AWS_ENDPOINT_URL_KMS": "kms.example.com"}, "AWS_ENDPOINT_URL_KMS must be a URL"),
        ],
    )
    def test_refuses_a_key_service_it_could_not_reach_safely(self, changed: dict[str, str], line: str) -> None:
        done = start("manage.py", "check", **changed)
        assert done.returncode != 0
        assert line in done.stderr

    @pytest.mark.parametrize("door", DOORS, ids=" ".join)
    def test_refuses_to_start_without_the_key_of_the_audit_trail_at_every_door(self, door: tuple[str, ...]) -> None:
        done = start(*door, without="AUDIT_SIGNING_KEY")
        assert done.returncode != 0
        assert "audit.signing.key: found AUDIT_SIGNING_KEY, which is not set" in done.stderr

    @pytest.mark.parametrize("seed", [b"s" * 31, b"s" * 33, DEVELOPMENT_SEED])
    def test_refuses_another_form_of_that_key_and_the_published_one(self, seed: bytes) -> None:
        key = b64encode(seed).decode()
        for given in (key, f"{key[:20]}-{key[21:]}"):
            done = start("manage.py", "check", AUDIT_SIGNING_KEY=given)
            assert done.returncode != 0
            assert "AUDIT_SIGNING_KEY must be 32 random bytes in base64" in done.stderr
            assert given not in done.stderr

    def test_signs_the_audit_log_with_a_key_of_kms_or_with_one_of_its_own_but_not_with_both(self) -> None:
        named = "arn:aws:kms:eu-central-1:111122223333:key/audit"
        says = "from config import settings as s; print(repr(s.AUDIT_LOG.kms_key))"
        done = start("-c", says, without="AUDIT_SIGNING_KEY", AUDIT_SIGNING_KMS_KEY=named)
        assert done.stdout.strip() == repr(named), done.stderr
        done = start("manage.py", "check", AUDIT_SIGNING_KMS_KEY=named)
        assert done.returncode != 0
        assert "AUDIT_SIGNING_KEY must be unset where AUDIT_SIGNING_KMS_KEY is set" in done.stderr

    def test_has_no_local_key_and_knows_kms(self) -> None:
        says = "from config import settings as s; k = s.KEY_SERVICE; print(k.provider, repr(k.local_key), k.region)"
        done = start("-c", says, VAULT_LOCAL_KEY="A" * 43 + "=")
        assert done.stdout.split() == ["KMS", "''", "eu-central-1"], done.stderr

    def test_refuses_in_a_worker_of_the_web_server(self) -> None:
        done = start("-c", "from config import wsgi", without="JWT_SECRET_KEY")
        assert done.returncode != 0
        assert "JWT_SECRET_KEY" in done.stderr

    def test_refuses_development_keys_and_logins(self) -> None:
        done = start("manage.py", "bootstrap_demo")
        assert done.returncode != 0
        assert "development" in done.stderr
