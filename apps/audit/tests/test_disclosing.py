"""Personal values given out with what proves them: the real verifier takes the file, and the log says it was given."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from apps.accounts.models import User
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.heads import HeadSigner
from apps.audit.models import AuditLeaf, AuditLog
from apps.audit.services.disclosure import MOST, disclose
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import pass_horizon, sequence
from apps.audit.tests.tampering import changed
from apps.core import clock
from apps.core.actor import Actor, system_actor
from apps.core.db import unit_of_work
from apps.core.errors import InvalidValue
from apps.core.testing import databases
from apps.vault.services.erasure import erase_subject
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.fake_kms import FakeKms

ROOT = Path(__file__).resolve().parents[3]
PAGE = "/admin/audit/auditlog/disclose/"


def someone() -> Actor:
    return Actor(user_id=uuid4(), party_id=None, ip_address="192.0.2.7", user_agent="curl/8 é")


def log(actor: Actor, *, placed: bool = True) -> int:
    with unit_of_work():
        event = log_audit_event(actor=actor, action="test.seen", resource_type="thing", resource_id="1")
    if placed:
        pass_horizon()
        sequence()
    return event


def verify(bundle: Path, disclosure: Path) -> tuple[int, dict[str, Any]]:
    key = b64encode(HeadSigner(settings.AUDIT_LOG.seed).public_key).decode()
    argv = [sys.executable, "-I", str(ROOT / "apps" / "audit" / "verifier.py"), str(bundle), "--key", key, "--json"]
    argv += ["--disclosure", str(disclosure)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout)


def disclosed() -> list[AuditLog]:
    return list(AuditLog.objects.filter(action="audit.disclosed").order_by("id"))


@pytest.mark.usefixtures("books")
class TestTheCommand:
    def test_writes_what_the_verifier_takes_and_records_it(self, tmp_path: Path) -> None:
        one, two = someone(), someone()
        events = [log(one), log(two), log(someone())]
        target, before = tmp_path / "shown.json", len(disclosed())
        call_command("disclose_audit", str(events[1]), str(events[0]), "--out", str(target))
        told = json.loads(target.read_bytes())
        places = [AuditLeaf.objects.get(event=event).index for event in events[:2]]
        assert [(each["index"], each["name"], each["value"]) for each in told] == [
            (place, name, value)
            for place in places
            for name, value in (("ip", "192.0.2.7"), ("user_agent", "curl/8 é"))
        ]
        assert target.stat().st_mode & 0o777 == 0o600
        call_command("export_audit", "--out", str(tmp_path / "bundle"))
        code, said = verify(tmp_path / "bundle", target)
        assert (code, len(said["notes"])) == (0, 4)
        told[1]["value"] = "curl/9"
        target.write_text(json.dumps(told))
        assert verify(tmp_path / "bundle", target)[0] == 18
        (row,) = disclosed()[before:]
        subjects = sorted([str(one.user_id), str(two.user_id)])
        assert row.after == {"events": events[:2], "names": ["ip", "user_agent"], "subjects": subjects}
        assert (row.request_id[:3], row.record_class) == ("os:", "security_events")
        assert "192.0.2.7" not in json.dumps(row.after)

    def test_overwrites_no_file(self, tmp_path: Path) -> None:
        event, target, before = log(someone()), tmp_path / "there", len(disclosed())
        target.write_text("mine")
        with pytest.raises(CommandError, match="File exists"):
            call_command("disclose_audit", str(event), "--out", str(target))
        assert (target.read_text(), len(disclosed())) == ("mine", before)


@pytest.mark.usefixtures("books")
class TestARefusal:
    """Neither a file nor a record, and a sentence that says why."""

    def refused(self, event: int, folder: Path) -> str:
        before = len(disclosed())
        with pytest.raises(CommandError) as refusal:
            call_command("disclose_audit", str(event), "--out", str(folder / "none"))
        assert not [*folder.iterdir()]
        assert len(disclosed()) == before
        return str(refusal.value)

    def test_of_a_person_who_was_erased(self, tmp_path: Path) -> None:
        actor = someone()
        event = log(actor)
        assert actor.user_id
        with unit_of_work():
            erase_subject(actor=system_actor(), subject=actor.user_id, now=clock.now())
        told = f"The person of event {event} has been erased: nobody can show its values any more."
        assert self.refused(event, tmp_path) == told

    def test_of_an_event_that_says_nothing_personal(self, tmp_path: Path) -> None:
        event = log(system_actor())
        assert self.refused(event, tmp_path) == f"Event {event} was written without an address or user agent."

    def test_of_an_event_there_never_was_or_that_expired(self, tmp_path: Path) -> None:
        event = log(someone())
        assert self.refused(10**15, tmp_path) == f"Event {10**15} does not exist."
        with changed(("DELETE FROM audit_auditlog WHERE id = %s", [event]), tables=("audit_auditlog",)):
            assert self.refused(event, tmp_path) == f"Event {event} has expired: its text is gone."

    def test_of_an_event_without_its_place(self, tmp_path: Path) -> None:
        event = log(someone(), placed=False)
        told = f"Event {event} has no place in the log yet: try again in a few seconds."
        assert self.refused(event, tmp_path) == told

    def test_of_none_and_of_too_many(self) -> None:
        for events in ([], list(range(1, MOST + 2))):
            with pytest.raises(InvalidValue):
                disclose(actor=system_actor(), events=events)


@pytest.fixture
def compliance(books: str) -> User:
    return make_user(role=Role.COMPLIANCE)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


class TestThePage:
    def test_gives_the_file_to_compliance_and_records_who_took_it(self, compliance: User) -> None:
        person = someone()
        event, client = log(person), client_of(compliance)
        asked = client.get(f"/admin/audit/auditlog/{event}/disclose/")
        assert f'value="{event}"' in asked.content.decode()
        before = len(disclosed())
        answer = client.post(PAGE, {"events": f" {event} "})
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer["Content-Disposition"] == 'attachment; filename="disclosure.json"'
        assert [each["value"] for each in json.loads(answer.content)] == ["192.0.2.7", "curl/8 é"]
        (row,) = disclosed()[before:]
        assert (row.user_id, (row.after or {})["subjects"]) == (compliance.pk, [str(person.user_id)])

    def test_says_why_not(self, compliance: User) -> None:
        client, before = client_of(compliance), len(disclosed())
        for typed, status in (("", 400), ("one", 400), ("1; 2", 400), (str(10**15), 404)):
            assert client.post(PAGE, {"events": typed}).status_code == status
        event = log(system_actor())
        answer = client.post(PAGE, {"events": str(event)})
        assert answer.status_code == 409
        assert "without an address" in answer.content.decode()
        assert len(disclosed()) == before

    def test_is_not_for_others(self, compliance: User) -> None:
        event = log(someone())
        ops = client_of(make_user(role=Role.OPS))
        for path in (PAGE, f"/admin/audit/auditlog/{event}/disclose/"):
            assert ops.get(path).status_code == 403
            assert ops.post(path, {"events": str(event)}).status_code == 403
            assert client_of(make_user(role=Role.INVESTOR)).post(path, {"events": str(event)}).status_code == 302
        page = ops.get(f"/admin/audit/auditlog/{event}/change/").content.decode()
        assert "Verify this entry" in page
        assert f"{event}/disclose/" not in page


WRITE = """
import django
django.setup()
from uuid import uuid4
from apps.audit.services.trail import log_audit_event
from apps.core.actor import Actor
from apps.core.db import unit_of_work
actor = Actor(user_id=uuid4(), party_id=None, ip_address="192.0.2.7")
with unit_of_work():
    print(log_audit_event(actor=actor, action="test.seen", resource_type="thing", resource_id="1"))
"""


class TestWhileTheKeyServiceIsAway:
    def run(self, kms: FakeKms, books: str, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        """A process that is configured for KMS."""
        policy = folder / "security.yaml"
        shipped = (ROOT / "config" / "security.yaml").read_text()
        policy.write_text(shipped.replace("development_provider: LOCAL", "development_provider: KMS"))
        environment = {
            **os.environ,
            **databases.urls_of(books),
            "BOOKENTRY_SECURITY_FILE": str(policy),
            "AWS_KMS_KEY_ID": kms.key,
            "AWS_ENDPOINT_URL_KMS": kms.url,
            "AWS_ACCESS_KEY_ID": fake.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": fake.SECRET_KEY,
        }
        command = [sys.executable, *argv]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False
        )

    def test_nothing_is_given_nor_recorded(self, books: str, tmp_path: Path) -> None:
        with fake.fake_kms() as kms:
            event = self.run(kms, books, tmp_path, "-c", WRITE).stdout.split()[-1]
            pass_horizon()
            sequence()
            kms.behave = fake.says("DisabledException")
            target = tmp_path / "none"
            ask = ("manage.py", "disclose_audit", event, "--out", str(target))
            refused = self.run(kms, books, tmp_path, *ask)
            assert (refused.returncode, target.exists(), disclosed()) == (1, False, [])
            assert "cannot be read or written at this moment: try again later" in refused.stderr
            kms.be_honest()
            assert self.run(kms, books, tmp_path, *ask).returncode == 0
            assert [each["value"] for each in json.loads(target.read_bytes())] == ["192.0.2.7"]
            assert len(disclosed()) == 1
