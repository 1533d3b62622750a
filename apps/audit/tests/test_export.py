"""The log exported by the command, and verified by the file an auditor has."""

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.audit.heads import HeadSigner
from apps.audit.models import AuditHead, AuditLog
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import HEAD_PAUSE, led, pass_horizon
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work

ROOT = Path(__file__).resolve().parents[3]


def grow(*sizes: int) -> None:
    """Events, and a signed head after each so many."""
    (engine, leadership), now = led(1000), clock.now()
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
        while engine.step(leadership, now):
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
        assert manifest["to"] - manifest["from"] == AuditLog.objects.filter(created_at__gte=moment).count() == 6
        assert verify(tmp_path / "late")[0] == 0

    def test_changed_afterwards_is_refused(self, tmp_path: Path) -> None:
        grow(30)
        call_command("export_audit", "--out", str(tmp_path / "good"))
        index = json.loads((tmp_path / "good" / "manifest.json").read_bytes())["to"] - 9
        argv = [sys.executable, str(ROOT / "scripts" / "tamper_bundle.py"), str(tmp_path / "good")]
        argv += [str(tmp_path / "bad"), "--kind", "edit", "--index", str(index)]
        subprocess.run(argv, check=True, timeout=60)
        code, said = verify(tmp_path / "bad")
        assert (code, said["findings"][0]["first"], said["findings"][0]["proven"]) == (10, index, True)


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
