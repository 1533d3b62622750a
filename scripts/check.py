"""Everything `make check` looks at: runs all, two at a time, and lists the failures at the end."""

import os
import secrets
import subprocess
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from console import say, tail

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".local" / "logs"
PYTHON = str(ROOT / ".venv" / "bin" / "python")
MANAGE = (PYTHON, "manage.py")

PRODUCTION = {
    "DJANGO_DEBUG": "false",
    "DJANGO_ALLOWED_HOSTS": "bookentry.example",
    "PUBLIC_DOMAIN": "bookentry.example",
    "DOCUMENTS_LOCATION": "/var/lib/bookentry/documents",
    "DATABASE_URL": "postgres://app:unused@127.0.0.1:1/bookentry",
    "DATABASE_OWNER_URL": "postgres://owner:unused@127.0.0.1:1/bookentry",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CHAIN_RPC_URL": "http://127.0.0.1:1",
    "AWS_KMS_KEY_ID": "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000",
    "AUDIT_S3_BUCKET": "bookentry-audit",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AUDIT_SIGNING_KEY": b64encode(secrets.token_bytes(32)).decode(),
    "DJANGO_SECRET_KEY": secrets.token_urlsafe(64),
    "JWT_SECRET_KEY": secrets.token_urlsafe(64),
}


@dataclass(frozen=True)
class Check:
    """A command that exits 0 when all is well."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


CHECKS = (
    Check("mypy", (PYTHON, "-m", "mypy", ".")),
    Check("ruff", (PYTHON, "-m", "ruff", "check", ".")),
    Check("ruff-format", (PYTHON, "-m", "ruff", "format", "--check", ".")),
    Check("import-linter", (str(ROOT / ".venv" / "bin" / "lint-imports"), "--no-cache")),
    Check("migrations", (*MANAGE, "makemigrations", "--check", "--dry-run")),
    Check("openapi", (*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)),
    Check("openapi-committed", (*MANAGE, "openapi_document", "--check")),
    Check("error-codes", (*MANAGE, "error_codes", "--check")),
    Check("deploy", (*MANAGE, "check", "--deploy", "--fail-level", "WARNING"), PRODUCTION),
    Check("slither", ("sh", "contracts/check_slither.sh")),
    Check("forge", ("sh", "contracts/check_forge.sh")),
)


@dataclass(frozen=True)
class Outcome:
    check: Check
    ok: bool
    seconds: float
    log: Path
    skipped: str


def perform(check: Check) -> Outcome:
    """Run one check with its output in a log of its own."""
    log = LOGS / f"check-{check.name}.log"
    began = time.monotonic()
    with log.open("w") as output:
        code = subprocess.run(
            check.argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment() | check.env,
        ).returncode
    text = log.read_text(errors="replace")
    skipped = next((line.strip() for line in text.splitlines() if "skipped: " in line), "")
    outcome = Outcome(check, code == 0, time.monotonic() - began, log, skipped)
    say(f"{check.name:14} {'ok' if outcome.ok else 'FAILED':6} {outcome.seconds:5.1f} s  {skipped}".rstrip())
    return outcome


def environment() -> dict[str, str]:
    """Return an environment where node and the venv's programs are found, on the test profile's servers."""
    folders = [ROOT / ".venv" / "bin", ROOT / ".local" / "node" / "bin"]
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)])
    return {"BOOKENTRY_PROFILE": "test", **os.environ, "PATH": path}


def main() -> int:
    """Return 0 if every check passed."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(perform, CHECKS))
    failed = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in failed:
        say(f"\n{outcome.check.name} ({outcome.log.relative_to(ROOT)}):{tail(outcome.log, 40)}")
    if failed:
        say(f"\nfailed: {', '.join(outcome.check.name for outcome in failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
