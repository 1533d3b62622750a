"""Verifying anchors: a superuser who wrote the log anew, signature and all, is caught by what stands elsewhere."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.audit.heads import HeadSigner
from apps.audit.models import AuditAnchor, AuditHead, AuditLeaf
from apps.audit.selectors.anchors import anchors_between
from apps.audit.services.anchor_places import AnchorPlace, anchor_place, anchor_places
from apps.audit.services.bundles import export_bundle
from apps.audit.services.s3_anchoring import anchor_in_s3, require_kept, unrecorded_in_s3
from apps.audit.services.verifying import Fault, Verified, verify_anchors
from apps.audit.testing import Led
from apps.audit.tests import fake_s3 as fake
from apps.audit.tests.anchoring import Bench, a_bench, alerts, all_powerful, grow, write_anew
from apps.audit.types import AnchorKind
from apps.core import clock
from apps.core.models import ProviderCircuit
from apps.core.testing import aws
from apps.core.testing.databases import superuser

NEWEST = "audit.anchors.s3:newest"
VERIFIER = Path(__file__).resolve().parents[1] / "verifier.py"


@pytest.fixture(scope="class")
def anchored(books: str) -> Iterator[Bench]:
    """Three anchors: of 5, 305 (a full tile) and 307 events; the bucket is the configured place."""
    before = anchor_places()[AnchorKind.S3]
    with a_bench() as bench:
        for number in (5, 300, 2):
            grow(number)
            bench.anchor()
        assert alerts() == {}
        store = bench.store
        place = AnchorPlace(
            lambda now: anchor_in_s3(now=now, store=store),
            lambda anchor: require_kept(store, anchor),
            lambda: unrecorded_in_s3(store),
        )
        anchor_place(AnchorKind.S3, place)
        yield bench
    anchor_place(AnchorKind.S3, before)


@pytest.fixture
def bench(anchored: Bench) -> Iterator[Bench]:
    kept = deepcopy(anchored.s3.kept)
    ProviderCircuit.objects.all().delete()
    yield anchored
    anchored.s3.behave, anchored.s3.nature, anchored.s3.kept = None, fake.Nature(), kept


def verified() -> Verified:
    return verify_anchors(places={AnchorKind.S3: anchor_places()[AnchorKind.S3]})


def faults(done: Verified) -> set[Fault]:
    return {found.fault for found in done.findings}


def run(name: str, **options: object) -> tuple[int, str]:
    """(exit status, what is said) of a command."""
    said = StringIO()
    try:
        call_command(name, stdout=said, stderr=said, **options)
    except CommandError as error:
        return error.returncode, said.getvalue() + str(error)
    return 0, said.getvalue()


BENT: dict[str, tuple[Callable[[fake.FakeS3], object], Fault, str]] = {
    "deleted for good": (lambda s3: s3.kept.pop(1), Fault.GONE, "it is not there any more"),
    "other bytes": (lambda s3: _bend(s3, content=b"{}"), Fault.ALTERED, "other bytes"),
    "retention less": (lambda s3: _bend(s3, until="2027-01-01T00:00:00Z"), Fault.UNLOCKED, "ends earlier"),
    "retention gone": (lambda s3: _bend(s3, mode=""), Fault.UNLOCKED, "under no retention"),
    "governance": (lambda s3: _bend(s3, mode="GOVERNANCE"), Fault.UNLOCKED, "not in COMPLIANCE"),
    "name deleted": (lambda s3: s3.mark_deleted(s3.kept[0].key), Fault.FOREIGN, "its name was deleted"),
    "version on top": (lambda s3: s3.keep(s3.kept[0].key, b"{}"), Fault.FOREIGN, "no head of this log"),
    "403": (lambda s3: s3.nature.instead.update(GET=fake.says("AccessDenied", 403)), Fault.UNREACHABLE, "AccessDenied"),
    "no answer": (lambda s3: setattr(s3, "behave", aws.hangs_up), Fault.UNREACHABLE, "Error"),
}


def _bend(s3: fake.FakeS3, **parts: object) -> None:
    for name, value in parts.items():
        setattr(s3.kept[1], name, value)


@pytest.mark.usefixtures("books")
class TestAnchorsOfAnHonestLog:
    def test_verify(self, bench: Bench) -> None:
        done = verified()
        assert (done.findings, done.anchors, done.events, done.expired) == ([], 3, 307, 0)
        assert run("verify_anchors")[0] == 0
        assert "3 anchors, 307 events" in run("verify_anchors")[1]
        assert verify_anchors(places=anchor_places(), last=1).anchors == 1

    @pytest.mark.parametrize("how", BENT)
    def test_that_are_not_as_they_were_are_named(self, bench: Bench, how: str) -> None:
        bend, fault, words = BENT[how]
        bend(bench.s3)
        found = verified().findings
        assert {each.fault for each in found} == {fault}
        assert words in found[0].text
        assert all(each.where.startswith("s3://") for each in found) or fault is Fault.UNREACHABLE
        status, said = run("verify_anchors")
        assert status == (2 if fault is Fault.UNREACHABLE else 1)
        assert fault.value in said

    def test_are_fetched_for_the_offline_verifier(self, bench: Bench, tmp_path: Path) -> None:
        file, bundle = tmp_path / "anchor.json", tmp_path / "bundle"
        assert run("fetch_anchor", latest=True, out=file)[0] == 0
        export_bundle(folder=bundle, start=0, stop=305, now=clock.now())
        assert file.read_bytes() in (bundle / "heads.jsonl").read_bytes().splitlines(keepends=True)
        listed = [json.loads(line) for line in (bundle / "anchors.jsonl").read_text().splitlines()]
        assert [(each["size"], each["version_id"]) for each in listed] == [
            (size, kept.version) for size, kept in zip((5, 305, 307), bench.s3.kept, strict=True)
        ]
        key = HeadSigner(settings.AUDIT_LOG.seed).public_key.hex()
        command = [sys.executable, "-I", str(VERIFIER), str(bundle), "--key", key, "--anchor", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert run("fetch_anchor", latest=True, out=file)[0] == 1
        assert run("fetch_anchor", size=6, out=tmp_path / "none")[0] == 1
        bench.s3.kept[2].content = b"{}"
        status, said = run("fetch_anchor", size=307, kind="s3", out=tmp_path / "none")
        assert (status, "other bytes" in said, (tmp_path / "none").exists()) == (1, True, False)

    def test_are_told_as_bundles_have_them(self, bench: Bench) -> None:
        first, second = anchors_between(1, 305)
        assert (first.size, second.size) == (5, 305)
        assert first.entry() == {
            "at": first.anchored_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "digest": first.digest.hex(),
            "kind": "s3",
            "place": f"s3://{fake.BUCKET}/localhost/audit/heads/00000000000000000005.json",
            "root": first.root.hex(),
            "size": 5,
            "version_id": bench.s3.kept[0].version,
        }


@pytest.mark.usefixtures("books")
class TestASuperuser:
    def test_is_refused_by_the_guards_also_with_session_replication_role(self, books: str, bench: Bench) -> None:
        with pytest.raises(psycopg2.errors.RestrictViolation), superuser(books) as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("UPDATE audit_auditlog SET action = 'test.other'")

    def test_who_edits_an_event_is_found_by_its_leaf(self, books: str, bench: Bench) -> None:
        with all_powerful(books) as cursor:
            cursor.execute(
                "UPDATE audit_auditlog SET action = 'test.other' WHERE id = (SELECT event FROM audit_leaf "
                "WHERE index = 42)"
            )
        done = verified()
        assert "the text of event 42 is not the one that its leaf was made of" in [each.text for each in done.findings]
        assert {Fault.EDITED, Fault.FORKED} <= faults(done)

    def test_who_writes_leaves_tiles_and_heads_anew_is_found_by_the_next_anchor(self, books: str, bench: Bench) -> None:
        with all_powerful(books) as cursor:
            write_anew(cursor)
        Led()  # for the sequencer all is well: what is stored is what is signed
        grow()
        before = AuditAnchor.objects.count()
        bench.anchor()
        assert AuditAnchor.objects.count() == before
        severity, summary = alerts()[NEWEST]
        assert severity == "CRITICAL"
        assert "the first 307 events are not those that were anchored" in summary
        done = verified()
        assert faults(done) == {Fault.FORKED, Fault.BOOKS}
        forks = [each.text for each in done.findings if each.fault is Fault.FORKED]
        assert forks[0] == "the log is not the one that was anchored with 305 events: it differs among 5..304"

    def test_who_changes_our_books_of_anchors_too_is_found_in_their_place(self, books: str, bench: Bench) -> None:
        with all_powerful(books) as cursor:
            cursor.execute("UPDATE audit_anchor a SET root = h.root FROM audit_head h WHERE h.size = a.size")
        done = verified()
        assert faults(done) == {Fault.BOOKS}
        bench.anchor()
        assert run("verify_anchors")[0] == 1

    def test_who_deletes_an_event_is_found_though_its_leaf_stays(self, books: str, bench: Bench) -> None:
        with all_powerful(books) as cursor:
            cursor.execute(
                "DELETE FROM audit_auditlog WHERE id = (SELECT event FROM audit_leaf WHERE index = 300) RETURNING id"
            )
        done = verified()
        assert "event 300 is gone, and no event audit.expired says so" in [each.text for each in done.findings]
        assert done.expired == 1


@pytest.mark.usefixtures("books")
class TestARollback:
    def test_that_takes_leaves_heads_and_anchors_along_is_found_by_the_bucket(self, books: str, bench: Bench) -> None:
        with all_powerful(books) as cursor:
            cursor.execute("DELETE FROM audit_leaf WHERE index >= 305")
            cursor.execute("DELETE FROM audit_leaf_hash WHERE index >= 305")
            cursor.execute("DELETE FROM audit_tile WHERE (number + 1) * 256 > 305")
            for table in ("audit_head", "audit_anchor"):
                cursor.execute(f"DELETE FROM {table} WHERE size > 305")
            cursor.execute("DELETE FROM audit_auditlog WHERE id NOT IN (SELECT event FROM audit_leaf)")
        assert (AuditLeaf.objects.count(), AuditHead.objects.count()) == (305, 2)
        done = verified()
        assert faults(done) == {Fault.TRUNCATED}
        assert done.findings[0].text == ("the log has 305 events, and was anchored with 307: it was cut or rolled back")
        grow(1)
        before = AuditAnchor.objects.count()
        bench.anchor()
        assert AuditAnchor.objects.count() == before
        assert "the log of 306 events was anchored with 307" in alerts()[NEWEST][1]

    def test_that_has_grown_beyond_it_since_is_found_as_a_fork(self, bench: Bench) -> None:
        grow(4)
        bench.anchor()
        assert "the first 307 events are not those that were anchored" in alerts()[NEWEST][1]
        assert faults(verified()) == {Fault.FORKED}
