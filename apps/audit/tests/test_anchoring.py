"""Anchoring in S3 under object lock: what is recorded, what is not, and what is told."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings

from apps.audit.errors import WORDS
from apps.audit.heads import Head, HeadSigner
from apps.audit.models import AuditAnchor, AuditHead
from apps.audit.selectors.anchors import head_of, last_anchor
from apps.audit.services.s3_anchoring import key_of
from apps.audit.testing import Led
from apps.audit.tests import fake_s3 as fake
from apps.audit.tests.anchoring import HOUR, Bench, a_bench, alerts, grow
from apps.audit.tests.fake_s3 import instant
from apps.audit.types import AnchorKind
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.models import Alert, ProviderCircuit
from apps.core.testing import aws

NEWEST, LAST = "audit.anchors.s3:newest", "audit.anchors.s3:last"
NOT_ANCHORED = "The newest head of the audit log is not anchored in S3"
LOCK = timedelta(days=settings.SECURITY.audit.anchoring.object_lock_days)
PUT = ["GET versions", "PUT", "GET"]


@pytest.fixture(scope="class")
def own(books: str) -> Iterator[Bench]:
    with a_bench() as made:
        grow(3)
        yield made


@pytest.fixture
def bench(own: Bench) -> Iterator[Bench]:
    """The bucket holds what is recorded, and one head waits."""
    ProviderCircuit.objects.all().delete()
    own.s3.behave, own.s3.nature = None, fake.Nature()
    known = set(AuditAnchor.objects.values_list("version_id", flat=True))
    own.s3.kept = [kept for kept in own.s3.kept if kept.version in known]
    grow()
    own.s3.seen.clear()
    yield own
    Alert.objects.filter(resolved_at=None).update(resolved_at=clock.now() + timedelta(days=1))


@pytest.mark.usefixtures("books")
class TestAnHonestBucket:
    def test_keeps_the_newest_head_as_a_line_of_the_bundles_heads(self, bench: Bench) -> None:
        bench.anchor()
        head, anchor = AuditHead.objects.latest("size"), AuditAnchor.objects.latest("size")
        kept = bench.s3.kept[-1]
        assert kept.key == f"localhost/audit/heads/{head.size:020d}.json"
        said = json.loads(kept.content)
        assert list(said) == ["key_id", "log", "root", "signature", "size", "time"]
        assert (said["size"], said["root"]) == (head.size, bytes(head.root).hex())
        assert kept.content.count(b"\n") == 1
        assert kept.content.endswith(b"}\n")
        assert (anchor.kind, anchor.size, anchor.version_id, anchor.tx_hash) == ("S3", head.size, kept.version, None)
        assert anchor.place == f"s3://{fake.BUCKET}/{kept.key}"
        assert bytes(anchor.digest) == hashlib.sha256(kept.content).digest()
        assert bytes(anchor.root) == bytes(head.root)
        assert alerts() == {}

    def test_is_asked_for_compliance_for_seven_years_and_thirty_days(self, bench: Bench) -> None:
        before = bench.now() + HOUR
        bench.anchor()
        kept = bench.s3.kept[-1]
        assert kept.mode == "COMPLIANCE"
        assert timedelta(days=7 * 365 + 2 + 30) == LOCK
        assert before + LOCK < instant(kept.until) <= bench.now() + LOCK + timedelta(seconds=1)
        assert AuditAnchor.objects.latest("size").retained_until == instant(kept.until)

    def test_is_read_back_before_anything_is_recorded(self, bench: Bench) -> None:
        counted = []
        number = AuditAnchor.objects.count()
        bench.s3.nature.after_put = lambda: counted.append(AuditAnchor.objects.count())
        bench.anchor()
        assert counted == [number]
        assert bench.s3.seen[-3:] == PUT
        assert AuditAnchor.objects.count() == number + 1

    def test_is_asked_nothing_while_no_head_is_due(self, bench: Bench) -> None:
        bench.anchor()
        bench.s3.seen.clear()
        bench.anchor()
        grow()
        bench.anchor(after=-timedelta(minutes=59))
        assert bench.s3.seen == []

    def test_is_not_called_in_a_unit_of_work(self, bench: Bench) -> None:
        with pytest.raises(RuntimeError, match="unit of work"), unit_of_work():
            bench.anchor()


def shortened(mode: str, until: str) -> tuple[str, str]:
    return mode, (instant(until) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


# What the bucket does, and (severity, words) of the alert.
REFUSALS: dict[str, tuple[Callable[[fake.FakeS3], None], str, str]] = {
    "without object lock": (lambda s3: setattr(s3.nature, "has_lock", False), "ERROR", "not under object lock"),
    "retention shortened": (lambda s3: setattr(s3.nature, "retains", shortened), "CRITICAL", "ends earlier"),
    "retention missing": (
        lambda s3: setattr(s3.nature, "retains", lambda *_: ("", "")),
        "CRITICAL",
        "under no retention",
    ),
    "governance": (
        lambda s3: setattr(s3.nature, "retains", lambda _mode, until: ("GOVERNANCE", until)),
        "CRITICAL",
        "not in COMPLIANCE mode",
    ),
    "no versions": (lambda s3: setattr(s3.nature, "has_versions", False), "CRITICAL", "names no version"),
    "version null": (lambda s3: setattr(s3.nature, "names", lambda _: "null"), "CRITICAL", "names no version"),
    "other bytes": (lambda s3: setattr(s3.nature, "reads", lambda c: c[:-2] + b"]\n"), "CRITICAL", "other bytes"),
    "cut bytes": (lambda s3: setattr(s3.nature, "reads", lambda c: c[:-1]), "CRITICAL", "other bytes"),
    "403": (lambda s3: s3.nature.instead.update(PUT=fake.says("AccessDenied", 403)), "ERROR", "AccessDenied"),
    "403 listing": (
        lambda s3: s3.nature.instead.update({"GET versions": fake.says("AccessDenied", 403)}),
        "ERROR",
        "AccessDenied",
    ),
    "no bucket": (lambda s3: s3.nature.instead.update(PUT=fake.says("NoSuchBucket", 404)), "ERROR", "NoSuchBucket"),
    "503": (lambda s3: s3.nature.instead.update(PUT=fake.says("ServiceUnavailable", 503)), "WARNING", "Unavailable"),
    "throttling": (lambda s3: s3.nature.instead.update(PUT=fake.says("SlowDown", 503)), "WARNING", "SlowDown"),
    "conflict": (
        lambda s3: s3.nature.instead.update(PUT=fake.says("ConditionalRequestConflict", 409)),
        "WARNING",
        "Conflict",
    ),
    "no answer at reading": (lambda s3: s3.nature.instead.update(GET=aws.hangs_up), "WARNING", "Error"),
    "gone at reading": (
        lambda s3: s3.nature.instead.update(GET=fake.says("NoSuchVersion", 404)),
        "CRITICAL",
        "not there",
    ),
    "no XML": (lambda s3: setattr(s3, "behave", lambda h: h.reply(200, b"<oops", {})), "WARNING", "HTTP_500"),
    "other XML": (
        lambda s3: setattr(s3, "behave", lambda h: h.reply(200, b"<a><Version><b/></Version></a>", {})),
        "CRITICAL",
        "cannot be read",
    ),
    "hang": (lambda s3: setattr(s3, "behave", aws.late(20)), "WARNING", "ReadTimeout"),
}


@pytest.mark.usefixtures("books")
class TestABucketThatIsNone:
    @pytest.mark.parametrize("refusal", REFUSALS)
    def test_is_told_nothing_is_recorded_and_the_log_goes_on(self, bench: Bench, refusal: str) -> None:
        before = AuditAnchor.objects.count()
        bend, severity, words = REFUSALS[refusal]
        bend(bench.s3)
        bench.anchor()
        assert AuditAnchor.objects.count() == before
        told = alerts()[NEWEST]
        assert told[0] == severity
        assert words in told[1]
        heads = AuditHead.objects.count()
        grow()
        assert AuditHead.objects.count() == heads + 1

    def test_another_version_on_reading_back_is_told(self, bench: Bench) -> None:
        bench.s3.nature.instead["GET"] = lambda h: h.reply(
            200, bench.s3.kept[-1].content, {"x-amz-version-id": "another"}
        )
        before = AuditAnchor.objects.count()
        bench.anchor()
        assert AuditAnchor.objects.count() == before
        assert alerts()[NEWEST] == (
            "CRITICAL",
            f"{NOT_ANCHORED}: it gives another version than the one asked for. It is tried again every minute.",
        )

    def test_is_forgotten_when_it_is_one_again(self, bench: Bench) -> None:
        bench.s3.nature.instead["PUT"] = fake.says("AccessDenied", 403)
        bench.anchor()
        assert NEWEST in alerts()
        bench.s3.nature.instead.clear()
        bench.anchor()
        assert alerts() == {}
        assert last_anchor(AnchorKind.S3).size == AuditHead.objects.latest("size").size  # type: ignore[union-attr]


@pytest.mark.usefixtures("books")
class TestAKilledRun:
    def test_is_taken_up_by_the_next(self, bench: Bench) -> None:
        """Its object stands there; the put says 412, or the listing shows it after the log has grown."""
        for grown in (False, True):
            grow()
            head = head_of(AuditHead.objects.latest("size").size)
            assert head is not None
            kept = bench.s3.keep(key_of(head.log, head.size), head.line)
            if grown:
                grow()
            bench.anchor()
            anchor = AuditAnchor.objects.get(version_id=kept.version)
            assert (anchor.size, bytes(anchor.root)) == (head.size, head.root)
            assert len([k for k in bench.s3.kept if k.key == kept.key]) == 1
            assert last_anchor(AnchorKind.S3).size == AuditHead.objects.latest("size").size  # type: ignore[union-attr]
        assert alerts() == {}

    def test_whose_object_is_not_listed_yet_is_taken_up_by_its_name(self, bench: Bench) -> None:
        head = head_of(AuditHead.objects.latest("size").size)
        assert head is not None
        bench.s3.nature.instead["GET versions"] = lambda h: h.reply(
            200, b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>", fake.XML
        )
        kept = bench.s3.keep(key_of(head.log, head.size), head.line)
        bench.anchor()
        assert AuditAnchor.objects.latest("size").version_id == kept.version
        assert alerts() == {}
        assert bench.s3.seen[-3:] == ["PUT", "HEAD", "GET"]

    def test_whose_answer_was_lost_finds_its_own_object(self, bench: Bench) -> None:
        """The put is repeated, and refused: what stands there is ours."""

        def hang_up() -> None:
            bench.s3.nature.after_put = lambda: None
            raise ConnectionResetError

        bench.s3.nature.after_put = hang_up
        bench.anchor()
        assert AuditAnchor.objects.latest("size").version_id == bench.s3.kept[-1].version
        assert bench.s3.seen[-4:] == ["PUT", "PUT", "HEAD", "GET"]
        assert alerts() == {}


@pytest.mark.usefixtures("books")
class TestSomebodyElse:
    @pytest.mark.parametrize("content", [b"", b"{}", b"not a head\n"], ids=["empty", "object", "text"])
    def test_who_took_the_name_is_told_and_the_next_head_is_anchored(self, bench: Bench, content: bytes) -> None:
        size = AuditHead.objects.latest("size").size
        bench.s3.keep(key_of("localhost/audit", size), content)
        before = AuditAnchor.objects.count()
        bench.anchor()
        found = alerts()
        assert AuditAnchor.objects.count() == before
        assert found.pop(NEWEST) == (
            "CRITICAL",
            f"{NOT_ANCHORED}: {WORDS['taken_by_other']}. It is tried again every minute.",
        )
        ((key, told),) = found.items()
        assert key.startswith("audit.anchors.foreign:")
        assert told[0] == "CRITICAL"
        grow()
        bench.anchor()
        assert AuditAnchor.objects.latest("size").size == AuditHead.objects.latest("size").size
        assert [*alerts()] == [key]

    def test_who_signs_with_a_key_that_is_not_ours_is_told(self, bench: Bench) -> None:
        head = AuditHead.objects.latest("size")
        signer = HeadSigner(bytes(range(32)))
        own = Head(head.log, head.size, bytes(head.root), head.at)
        bench.s3.keep(key_of(head.log, head.size), own.line(signer.key_id, signer.sign(own)))
        bench.anchor()
        assert {severity for severity, _ in alerts().values()} == {"CRITICAL"}
        assert "no head of this log" in str(alerts())

    def test_who_deletes_the_name_of_the_last_anchor_is_told_and_its_version_stays(self, bench: Bench) -> None:
        bench.anchor()
        bench.s3.mark_deleted(bench.s3.kept[-1].key)
        grow()
        bench.anchor()
        assert LAST not in alerts()
        assert AuditAnchor.objects.latest("size").size == AuditHead.objects.latest("size").size

    def test_who_changes_the_last_anchor_is_told(self, bench: Bench) -> None:
        bench.anchor()
        bench.s3.kept[-1].content = b"{}"
        grow()
        bench.anchor()
        assert alerts()[LAST][0] == "CRITICAL"
        assert "other bytes" in alerts()[LAST][1]

    def test_a_log_shorter_than_an_anchor_of_ours_is_told_and_not_anchored(self, bench: Bench) -> None:
        """As after a rollback of the database, anchors and all: the bucket still knows."""
        signer, head = HeadSigner(settings.AUDIT_LOG.seed), AuditHead.objects.latest("size")
        ahead = Head(head.log, head.size + 7, bytes(32), head.at)
        bench.s3.keep(key_of(head.log, ahead.size), ahead.line(signer.key_id, signer.sign(ahead)))
        before = AuditAnchor.objects.count()
        bench.anchor()
        assert AuditAnchor.objects.count() == before
        severity, summary = alerts()[NEWEST]
        assert severity == "CRITICAL"
        assert "was cut or rolled back" in summary
        bench.s3.kept.pop()


@pytest.mark.usefixtures("books")
class TestAHeadThatWaits:
    def test_too_long_is_told_by_the_sequencer_and_resolved(self, bench: Bench) -> None:
        named = type(settings.AUDIT_ANCHORS)("audit-of-a-test", "eu-central-1", "")
        with override_settings(AUDIT_ANCHORS=named):
            log = Led()
            limit = timedelta(seconds=settings.SECURITY.audit.anchoring.alert_seconds)
            log.step(AuditHead.objects.earliest("size").at + limit)
            first = AuditHead.objects.filter(size__gt=last_anchor().size if last_anchor() else 0).earliest("size").at
            log.integrator._looked_at = None
            log.step(first + limit + timedelta(seconds=1))
            severity, summary = alerts()["audit.anchors:s3"]
            assert severity == "ERROR"
            assert "has waited 3 hours for its anchor" in summary
            bench.anchor()
            log.integrator._looked_at = None
            log.step(clock.now())
            assert alerts() == {}
