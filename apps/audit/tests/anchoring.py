"""What tests of anchors share: a log with heads, and a bucket to keep them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from apps.audit.heads import Head, HeadSigner
from apps.audit.places.s3 import S3Place
from apps.audit.services.s3_anchoring import anchor_in_s3
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import pass_horizon, sequence
from apps.audit.tests.fake_s3 import BUCKET, FakeS3, fake_s3
from apps.audit.tree import Growth, root_of
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.models import Alert
from apps.core.providers.factory import guarded_client
from apps.core.providers.policy import policy_of
from apps.core.testing.aws import ACCESS_KEY, REGION, SECRET_KEY
from apps.core.testing.databases import superuser

GUARDED = ("audit_auditlog", "audit_leaf", "audit_leaf_hash", "audit_tile", "audit_head", "audit_anchor")
HOUR = timedelta(hours=1)


def grow(number: int = 1) -> None:
    """So many events more, numbered and under a new head."""
    for index in range(number):
        with unit_of_work():
            log_audit_event(actor=system_actor(), action="test.done", resource_type="thing", resource_id=f"{index % 3}")
    pass_horizon()
    sequence()


@dataclass
class Bench:
    """A bucket of the fake's, and what speaks to it. `later` moves the clock an hour with each anchor."""

    s3: FakeS3
    store: S3Place
    later: timedelta = timedelta()

    def now(self) -> datetime:
        """The test's time."""
        return clock.now() + self.later

    def anchor(self, after: timedelta = HOUR) -> None:
        """So much later."""
        self.later += after
        anchor_in_s3(now=self.now(), store=self.store)


def alerts() -> dict[str, tuple[str, str]]:
    """Open ones: severity and summary by key."""
    rows = Alert.objects.filter(resolved_at=None, source__startswith="audit.anchors")
    return {row.dedup_key: (row.severity, row.summary) for row in rows}


@contextmanager
def credentials() -> Iterator[None]:
    """As boto3 finds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        yield


@contextmanager
def a_bench() -> Iterator[Bench]:
    """One with an honest bucket."""
    with credentials(), fake_s3() as s3, guarded_client("audit_store", policy_of("audit_store")) as client:
        yield Bench(s3, S3Place(client, bucket=BUCKET, region=REGION, endpoint=s3.url))


@contextmanager
def all_powerful(database: str) -> Iterator[Any]:
    """The superuser's cursor, who has lifted every guard, and puts it back."""
    with superuser(database) as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_row")
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_truncate")


def write_anew(cursor: Any) -> None:
    """Make leaves, tiles and heads those of the texts as they are now, and sign them: who does so has the key, too."""
    cursor.execute("""UPDATE audit_leaf_hash l SET hash = sha256('\\x00'::bytea || convert_to(t.body, 'UTF8'))
                      FROM audit_text t WHERE t.index = l.index AND t.body IS NOT NULL""")
    cursor.execute("SELECT hash FROM audit_leaf_hash ORDER BY index")
    hashes = [bytes(row[0]) for row in cursor.fetchall()]
    cursor.execute("SELECT size, log, at FROM audit_head ORDER BY size")
    heads, signer = cursor.fetchall(), HeadSigner(settings.AUDIT_LOG.seed)
    for tile in Growth().append(hashes):
        cursor.execute(
            "UPDATE audit_tile SET data = %s WHERE level = %s AND number = %s", [tile.data, tile.level, tile.number]
        )
    for size, log, at in heads:
        head = Head(log, size, root_of(hashes[:size]), at)
        cursor.execute(
            "UPDATE audit_head SET root = %s, signature = %s WHERE size = %s", [head.root, signer.sign(head), size]
        )
