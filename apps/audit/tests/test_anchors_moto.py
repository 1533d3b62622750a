"""S3 as moto plays it: that our requests are what others understand by object lock, too."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from apps.audit.errors import NothingThere, PlaceError, Taken
from apps.audit.models import AuditAnchor, AuditHead
from apps.audit.places.s3 import S3Place
from apps.audit.selectors.anchors import head_of
from apps.audit.services.s3_anchoring import anchor_in_s3
from apps.audit.tests.anchoring import HOUR, alerts, credentials, grow
from apps.core import clock
from apps.core.providers.factory import guarded_client
from apps.core.providers.policy import policy_of
from apps.core.testing.aws import REGION

LOCKED, PLAIN = "audit-locked", "audit-plain"


@pytest.fixture(scope="class")
def endpoint(books: str) -> Iterator[str]:
    with credentials():
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            yield "http://{}:{}".format(*server.get_host_and_port())
        finally:
            server.stop()


@pytest.fixture(scope="class")
def admin(endpoint: str) -> Any:
    """boto3 as it comes, for what an operator, or an intruder, does."""
    made = boto3.session.Session(region_name=REGION).client("s3", endpoint_url=endpoint)
    where = {"LocationConstraint": REGION}
    made.create_bucket(Bucket=LOCKED, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    made.create_bucket(Bucket=PLAIN, CreateBucketConfiguration=where)
    return made


@pytest.fixture(scope="class")
def store(endpoint: str, admin: Any) -> Iterator[S3Place]:
    with guarded_client("audit_store", policy_of("audit_store")) as client:
        yield S3Place(client, bucket=LOCKED, region=REGION, endpoint=endpoint)


@pytest.mark.usefixtures("books")
class TestS3AsMotoPlaysIt:
    def test_keeps_heads_that_nobody_can_delete(self, admin: Any, store: S3Place) -> None:
        for later in range(2):
            grow(2)
            anchor_in_s3(now=clock.now() + later * HOUR, store=store)
        assert alerts() == {}
        heads = [head_of(size) for size in AuditHead.objects.order_by("size").values_list("size", flat=True)]
        anchors = list(AuditAnchor.objects.order_by("size"))
        assert [anchor.size for anchor in anchors] == [head.size for head in heads if head]
        for anchor, head in zip(anchors, heads, strict=True):
            assert head is not None
            key, version = anchor.place.removeprefix(f"s3://{LOCKED}/"), anchor.version_id
            found = admin.get_object(Bucket=LOCKED, Key=key, VersionId=version)
            assert found["Body"].read() == head.line
            assert (found["ObjectLockMode"], found["VersionId"]) == ("COMPLIANCE", version)
            assert found["ObjectLockRetainUntilDate"] == anchor.retained_until
            with pytest.raises(ClientError, match="AccessDenied"):
                admin.delete_object(Bucket=LOCKED, Key=key, VersionId=version, BypassGovernanceRetention=True)

    def test_takes_a_name_once(self, store: S3Place) -> None:
        until = clock.now() + timedelta(days=1)
        version = store.put("once", b"first", until)
        with pytest.raises(Taken):
            store.put("once", b"second", until)
        assert store.current("once") == version
        content, kept = store.read(store.place("once"), version)
        assert content == b"first"
        assert abs(kept - until) < timedelta(seconds=1)
        with pytest.raises(NothingThere):
            store.current("never")

    def test_lists_versions_and_deletions(self, admin: Any, store: S3Place) -> None:
        until = clock.now() + timedelta(days=1)
        versions = {key: store.put(key, b"x", until) for key in ("list/1", "list/2", "list/3")}
        admin.delete_object(Bucket=LOCKED, Key="list/2")
        found = [(each.key, each.is_marker) for each in store.versions("list/", "list/1")]
        assert sorted(found) == [("list/2", False), ("list/2", True), ("list/3", False)]
        assert store.read(store.place("list/2"), versions["list/2"])[0] == b"x"

    def test_a_bucket_without_object_lock_is_refused(self, endpoint: str, admin: Any) -> None:
        grow()
        before = AuditAnchor.objects.count()
        with guarded_client("audit_store", policy_of("audit_store")) as client:
            plain = S3Place(client, bucket=PLAIN, region=REGION, endpoint=endpoint)
            with pytest.raises(PlaceError):
                plain.put("k", b"x", clock.now() + timedelta(days=1))
            anchor_in_s3(now=clock.now() + 5 * HOUR, store=plain)
        assert AuditAnchor.objects.count() == before
        assert "audit.anchors.s3:newest" in alerts()
