"""The matcher's journal in a bundle of the audit log: the rows that events name, as an auditor checks them."""

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from apps.audit import verifier
from apps.audit.heads import HeadSigner
from apps.audit.testing import pass_horizon, sequence
from apps.core import clock
from apps.dex.models import JournalEntry
from apps.dex.services.orders import place_order
from apps.dex.testing import Market


def verify(bundle: Path) -> tuple[int, list[tuple[str, int]]]:
    key = b64encode(HeadSigner(settings.AUDIT_LOG.seed).public_key).decode()
    argv = [sys.executable, "-I", str(verifier.__file__), str(bundle), "--key", key, "--json"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, [(one["class"], one["first"]) for one in json.loads(done.stdout)["findings"]]


@pytest.mark.usefixtures("books")
class TestJournalRows:
    def test_are_in_the_bundle_and_are_what_the_log_says(self, tmp_path: Path) -> None:
        market = Market()
        seller, buyer = market.trader(units=100), market.trader(cash=50_000)
        for who, side in ((seller, "SELL"), (buyer, "BUY")):
            place_order(actor=who.actor, ticket=market.ticket(side, "10.00", 10), now=clock.now())
            market.match()
        pass_horizon()
        sequence()
        call_command("export_audit", "--out", str(tmp_path / "bundle"))
        assert verify(tmp_path / "bundle") == (0, [])
        journal = tmp_path / "bundle" / "journal.jsonl"
        rows = [json.loads(line) for line in journal.read_bytes().splitlines()]
        assert [row["body"].encode() for row in rows] == [
            bytes(entry.body) for entry in JournalEntry.objects.order_by("seq")
        ]
        assert len(rows) == 2
        journal.write_bytes(journal.read_bytes().replace(b"BUY", b"bUY").replace(b"FILLED", b"CANCELED"))
        code, found = verify(tmp_path / "bundle")
        assert (code, found[0]) == (19, ("journal", rows[-1]["index"]))
