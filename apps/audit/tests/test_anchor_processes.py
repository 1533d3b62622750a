"""Anchoring as it is configured, in processes of its own: the job, the commands, readiness, and a kill at the put."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.audit.models import AuditAnchor, AuditHead
from apps.audit.tests.anchoring import grow
from apps.audit.tests.fake_s3 import BUCKET, FakeS3, Nature, fake_s3
from apps.core.testing.aws import ACCESS_KEY, REGION, SECRET_KEY
from apps.core.testing.databases import urls_of

ROOT = Path(__file__).resolve().parents[3]
JOB = """
import django; django.setup()
from config.celery import app
from django.conf import settings
app.loader.import_default_modules()
entry = settings.CELERY_BEAT_SCHEDULE["anchor-heads"]
app.tasks[entry["task"]]()
"""
READY = """
import django; django.setup()
from apps.core.registry import registry
from apps.core.providers.watching import health
print(sorted(registry.providers), health("audit_store").ok)
"""
LIMITS = """
import django; django.setup()
from apps.audit.health import anchor_samples
print([(sample.metric.name, sample.labels) for sample in anchor_samples()])
"""


@pytest.fixture(scope="class")
def s3(books: str) -> Iterator[FakeS3]:
    with fake_s3() as made:
        grow(3)
        yield made


def environment(books: str, s3: FakeS3, **more: str) -> dict[str, str]:
    own = {"AUDIT_S3_BUCKET": BUCKET, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_S3": s3.url}
    own |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    return {**os.environ, **urls_of(books), **own, **more}


def run(books: str, s3: FakeS3, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(books, s3, **more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.usefixtures("books")
class TestAnchoringAsItIsConfigured:
    def test_survives_a_kill_between_the_put_and_its_record(self, books: str, s3: FakeS3) -> None:
        with subprocess.Popen([sys.executable, "-c", JOB], env=environment(books, s3), cwd=ROOT) as process:
            s3.nature.after_put = lambda: os.kill(process.pid, signal.SIGKILL)
            assert process.wait(timeout=120) == -signal.SIGKILL
        s3.nature = Nature()
        assert (len(s3.kept), AuditAnchor.objects.count()) == (1, 0)
        done = run(books, s3, "-c", JOB)
        assert done.returncode == 0, done.stderr
        anchor = AuditAnchor.objects.get()
        assert (anchor.version_id, anchor.size) == (s3.kept[0].version, AuditHead.objects.latest("size").size)
        assert len(s3.kept) == 1

    def test_is_verified_and_fetched_by_commands(self, books: str, s3: FakeS3, tmp_path: Path) -> None:
        out = tmp_path / "anchor.json"
        for arguments in (("verify_anchors",), ("fetch_anchor", "--latest", "--out", str(out))):
            done = run(books, s3, "manage.py", *arguments)
            assert done.returncode == 0, done.stderr
        assert out.read_bytes() == s3.kept[0].content
        wrong = run(books, s3, "manage.py", "verify_anchors", "--last", "0")
        assert wrong.returncode == 2
        assert "Traceback" not in wrong.stderr
        s3.kept[0].content = b"{}"
        done = run(books, s3, "manage.py", "verify_anchors")
        assert done.returncode == 1
        assert "altered: the anchor of 3 events: it gives other bytes than were anchored" in done.stderr

    def test_is_in_readiness_and_metrics(self, books: str, s3: FakeS3) -> None:
        said = run(books, s3, "-c", READY)
        assert "'audit_store'" in said.stdout
        assert said.stdout.strip().endswith("True")
        said = run(books, s3, "-c", LIMITS)
        for name in ("anchor_size", "anchor_age_seconds", "unanchored_seconds"):
            assert f"('bookentry_audit_{name}', ('S3',))" in said.stdout
