"""The log exported by the command, and verified by the file an auditor has."""

import json
import resource
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

from apps.audit.heads import HeadSigner
from apps.audit.models import AuditHead, AuditLeaf, AuditLog
from apps.audit.selectors.anchors import signed
from apps.audit.services.anchoring import record_anchor
from apps.audit.services.bundles import CannotExport, export_bundle
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import HEAD_PAUSE, Led, pass_horizon
from apps.audit.types import AnchorKind
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work

ROOT = Path(__file__).resolve().parents[3]


def grow(*sizes: int) -> None:
    """Events, and a signed head after each so many."""
    log, now = Led(1000), clock.now()
    for size in sizes:
        with unit_of_work():
            for number in range(size):
                after = {"amount": str(number), "name": 'A "quoted",\n name – ü'}
                log_audit_event(
                    actor=system_actor(),
                    action="test.done",
                    resource_type="thing",
                    resource_id=str(number % 5),
                    after=after,
                )
        pass_horizon()
        now += 2 * HEAD_PAUSE
        while log.step(now):
            pass


def verify(bundle: Path, *more: str) -> tuple[int, dict[str, Any]]:
    key = b64encode(HeadSigner(settings.AUDIT_LOG.seed).public_key).decode()
    verifier = ROOT / "apps" / "audit" / "verifier.py"
    argv = [sys.executable, "-I", str(verifier), str(bundle), "--key", key, "--json", *more]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.usefixtures("books")
class TestExport:
    def test_of_all_and_of_any_range_is_verified(self, tmp_path: Path) -> None:
        grow(300, 7, 20)
        size = AuditHead.objects.order_by("-size").values_list("size", flat=True)[0]
        assert size >= 327
        for name, bounds in {"all": [], "middle": ["--from", "11", "--to", "301"], "late": ["--from", "305"]}.items():
            call_command("export_audit", *bounds, "--out", str(tmp_path / name))
            code, said = verify(tmp_path / name)
            assert (code, said["findings"]) == (0, [])
            assert f"as of head {size}" in said["proven"]

    def test_by_time_holds_what_was_written_then(self, tmp_path: Path) -> None:
        grow(5)
        moment = clock.now()
        grow(6)
        call_command("export_audit", "--from", moment.isoformat(), "--out", str(tmp_path / "late"))
        manifest = json.loads((tmp_path / "late" / "manifest.json").read_bytes())
        assert manifest["to"] - manifest["from"] == 6
        assert AuditLog.objects.filter(created_at__gte=moment, action="test.done").count() == 6
        assert verify(tmp_path / "late")[0] == 0

    def test_can_be_held_against_every_anchor_from_its_beginning_on(self, tmp_path: Path) -> None:
        grow(12, 8, 9)
        heads = [signed(row) for row in AuditHead.objects.select_related("key").order_by("-size")[:3]]
        for number, head in enumerate(heads):
            with unit_of_work():
                record_anchor(
                    kind=AnchorKind.S3,
                    line=head.line,
                    place=f"s3://bucket/{head.size}",
                    reference=str(number),
                    retained_until=clock.now(),
                    now=clock.now(),
                )
        call_command("export_audit", "--to", str(heads[2].size), "--out", str(tmp_path / "first"))
        listed = [json.loads(line) for line in (tmp_path / "first" / "anchors.jsonl").read_bytes().splitlines()]
        assert [one["size"] for one in listed] == [head.size for head in reversed(heads)]
        for head in heads:
            (tmp_path / "anchor").write_bytes(head.line)
            code, said = verify(tmp_path / "first", "--anchor", str(tmp_path / "anchor"))
            assert (code, said["notes"]) == (0, [])
            assert f"complete up to size {head.size}" in said["proven"]

    def test_changed_afterwards_is_refused(self, tmp_path: Path) -> None:
        grow(30)
        call_command("export_audit", "--out", str(tmp_path / "good"))
        index = json.loads((tmp_path / "good" / "manifest.json").read_bytes())["to"] - 9
        argv = [sys.executable, str(ROOT / "scripts" / "tamper_bundle.py"), str(tmp_path / "good")]
        argv += [str(tmp_path / "bad"), "--kind", "edit", "--index", str(index)]
        subprocess.run(argv, check=True, timeout=60)
        code, said = verify(tmp_path / "bad")
        assert (code, said["findings"][0]["first"], said["findings"][0]["proven"]) == (10, index, True)

    def test_carries_the_later_event_by_which_some_of_it_expired(self, tmp_path: Path) -> None:
        grow(20)
        gone = AuditLeaf.objects.order_by("-index").values_list("index", "event")[8]
        after = {"ranges": [[gone[0], gone[0] + 1]]}
        with unit_of_work():
            log_audit_event(
                actor=system_actor(), action="audit.expired", resource_type="audit_log", resource_id="x", after=after
            )
        with connections["owner"].cursor() as owner:
            owner.execute("ALTER TABLE audit_auditlog DISABLE TRIGGER append_only_row")
            owner.execute("DELETE FROM audit_auditlog WHERE id = %s", [gone[1]])
            owner.execute("ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER append_only_row")
        connections["owner"].close()
        bounds = ["--from", str(gone[0] - 3), "--to", str(gone[0] + 3), "--out"]
        call_command("export_audit", *bounds, str(tmp_path / "early"))
        code, said = verify(tmp_path / "early")
        assert (code, said["findings"][0]["first"]) == (11, gone[0])
        grow(3)
        call_command("export_audit", *bounds, str(tmp_path / "told"))
        assert verify(tmp_path / "told") == (0, {**verify(tmp_path / "told")[1], "findings": [], "notes": []})


@pytest.mark.usefixtures("books")
class TestRefusedExport:
    def test_of_what_is_not_signed_leaves_no_directory(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="no head is signed yet"):
            call_command("export_audit", "--out", str(tmp_path / "none"))
        grow(5)
        for bounds in (["--to", "99999"], ["--from", "3", "--to", "2"], ["--from", "2999-01-01"]):
            with pytest.raises(CommandError):
                call_command("export_audit", *bounds, "--out", str(tmp_path / "none"))
        with pytest.raises(CommandError, match="both"):
            call_command("export_audit", "--from", "1", "--to", "2026-01-01", "--out", str(tmp_path / "none"))
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "there").mkdir()
        with pytest.raises(CommandError, match="there already"):
            call_command("export_audit", "--out", str(tmp_path / "there"))

    def test_leaves_nothing_when_it_is_interrupted_or_the_disk_is_full(self, tmp_path: Path) -> None:
        grow(40)

        def interrupt(*_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export_bundle(folder=tmp_path / "none", start=0, stop=None, now=clock.now(), told=interrupt)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            with pytest.raises(CannotExport, match="none: File too large"):
                export_bundle(folder=tmp_path / "none", start=0, stop=None, now=clock.now())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "file").write_bytes(b"")
        (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
        for name, why in {"file": "there already", "dangling": "there already", "file/in": "Not a directory"}.items():
            with pytest.raises(CommandError, match=why):
                call_command("export_audit", "--out", str(tmp_path / name))

    def test_of_the_complete_log_waits_for_every_event_to_be_signed(self, tmp_path: Path) -> None:
        grow(4)
        call_command("export_audit", "--complete", "--out", str(tmp_path / "whole"))
        with unit_of_work():
            log_audit_event(actor=system_actor(), action="test.done", resource_type="thing", resource_id="1")
        with pytest.raises(CommandError, match=r"\d events wait for their place in it and 0 for a signed head"):
            call_command("export_audit", "--complete", "--out", str(tmp_path / "more"))
        call_command("export_audit", "--out", str(tmp_path / "more"))
        assert verify(tmp_path / "more")[0] == 0
