"""What bundles tell of events that expired, and which exports are put on record."""

import json
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from apps.audit.models import AuditExport, AuditLog
from apps.audit.services.expiry import expire_events
from apps.audit.services.exports import NotVerified, verify_bundle
from apps.audit.tests.aging import OLD, anchor, as_owner, export, record, sign
from apps.audit.tests.test_export import verify
from apps.core import clock


@pytest.mark.usefixtures("books")
class TestBundles:
    @pytest.fixture(scope="class")
    @staticmethod
    def gone(books: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG004 (its database)
        """A bundle of a range that expired, without the event that says so."""
        folder = tmp_path_factory.mktemp("bundles")
        record(20, days=OLD)
        size = sign(days=OLD)
        record(5)
        anchor(sign())
        export(folder / "before")
        assert expire_events(now=clock.now(), anew=True).removed == 20
        sign()
        return export(folder / "gone", "--from", size - 20, "--to", size)

    def _changed(self, bundle: Path, to: Path, **changes: object) -> Path:
        """A copy whose expiry says otherwise, with a manifest that agrees."""
        to.mkdir()
        for file in bundle.iterdir():
            (to / file.name).write_bytes(file.read_bytes())
        entry = json.loads((to / "expiries.jsonl").read_bytes()) | changes
        (to / "expiries.jsonl").write_text(json.dumps(entry) + "\n")
        manifest = json.loads((to / "manifest.json").read_bytes())
        manifest["files"].pop("expiries.jsonl")
        (to / "manifest.json").write_text(json.dumps(manifest))
        return to

    def test_carry_the_signed_event_that_says_what_expired(self, gone: Path) -> None:
        entry = json.loads((gone / "expiries.jsonl").read_bytes())
        assert json.loads(entry["body"])["after"]["removed"] == 20
        assert verify(gone)[0] == 0

    def test_are_refused_without_it(self, gone: Path, tmp_path: Path) -> None:
        code, found = verify(self._changed(gone, tmp_path / "without"))
        assert (code, found["findings"][0]["class"]) == (11, "delete")

    def test_are_refused_with_one_that_nobody_signed(self, gone: Path, tmp_path: Path) -> None:
        entry = json.loads((gone / "expiries.jsonl").read_bytes())
        wider = entry["body"].replace('"ranges":[[', '"ranges":[[0,1000],[')
        for number, change in enumerate(
            ({"body": wider}, {"index": entry["index"] - 1}, {"path": entry["path"][1:]}, {"size": entry["size"] - 1})
        ):
            bad = self._changed(gone, tmp_path / str(number), **change)
            manifest = json.loads((bad / "manifest.json").read_bytes())
            manifest["files"]["expiries.jsonl"] = {"sha256": sha256_of(bad / "expiries.jsonl"), "bytes": 1}
            (bad / "manifest.json").write_text(json.dumps(manifest))
            code, found = verify(bad)
            assert (code, found["findings"][0]["class"]) == (11, "delete"), change
            assert "does not lead to a signed head" in found["notes"][0]


def sha256_of(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


@pytest.mark.usefixtures("books")
class TestExports:
    def test_are_on_record_once_verified(self, tmp_path: Path) -> None:
        record(5)
        sign()
        call_command("export_audit", "--out", str(tmp_path / "one"), "--place", "vault 7, tape 12")
        [row] = AuditExport.objects.all()
        assert (row.first, row.stop, row.head_size, row.place) == (0, 5, 5, "vault 7, tape 12")
        assert bytes(row.manifest_sha256).hex() == sha256_of(tmp_path / "one" / "manifest.json")
        told = AuditLog.objects.get(action="audit.exported").after
        assert (told["from"], told["to"], told["size"]) == (0, 5, 5)
        assert AuditLog.objects.filter(action="audit_export.inserted").count() == 1

    def test_name_the_end_of_a_place_that_is_too_long(self, tmp_path: Path) -> None:
        record()
        sign()
        call_command("export_audit", "--out", str(tmp_path / "two"), "--place", "shelf/" * 100 + "tape 13")
        place = AuditExport.objects.latest("id").place
        assert (len(place), place.endswith("shelf/tape 13")) == (300, True)

    def test_of_a_log_that_was_changed_are_not(self, tmp_path: Path) -> None:
        [event] = record()
        sign()
        before = AuditExport.objects.count()
        as_owner(
            "ALTER TABLE audit_auditlog DISABLE TRIGGER append_only_row;"
            "UPDATE audit_auditlog SET action = 'test.edited' WHERE id = %s;"
            "ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER append_only_row",
            [event],
        )
        said = StringIO()
        call_command("export_audit", "--out", str(tmp_path / "bad"), stderr=said)
        assert "not put on record: the verifier refuses" in said.getvalue()
        assert AuditExport.objects.count() == before
        with pytest.raises(NotVerified, match="edit"):
            verify_bundle(tmp_path / "bad")
