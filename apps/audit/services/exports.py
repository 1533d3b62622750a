"""Exports on record: a bundle counts as one once the verifier, as auditors have it, has verified what was written."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from apps.audit import verifier
from apps.audit.heads import HeadSigner
from apps.audit.models import AuditExport, AuditSigningKey
from apps.audit.services.bundles import Exported
from apps.audit.services.trail import log_audit_event
from apps.core.actor import Actor
from apps.core.db import unit_of_work

SECONDS = 3_600
# Of a longer path the end says more.
PLACE_LENGTH = 300


class NotVerified(Exception):
    """The bundle was written, and the verifier refuses it: no record is made, and nothing expires by it."""


def record_export(*, actor: Actor, folder: Path, exported: Exported, place: str = "") -> int:
    """Verify the bundle in `folder` and put it on record; the record's number.

    `place` says where it is kept, if that is not the folder. Raises NotVerified.
    """
    verify_bundle(folder)
    digest = sha256((folder / "manifest.json").read_bytes())
    with unit_of_work():
        row = AuditExport.objects.create(
            first=exported.start,
            stop=exported.stop,
            head_size=exported.size,
            manifest_sha256=digest.digest(),
            place=(place or str(folder.resolve()))[-PLACE_LENGTH:],
            exported_by=actor.user_id,
        )
        after = {"from": row.first, "manifest_sha256": digest.hexdigest(), "size": row.head_size, "to": row.stop}
        log_audit_event(
            actor=actor, action="audit.exported", resource_type="audit_export", resource_id=row.pk, after=after
        )
    return row.pk


def verify_bundle(folder: Path) -> None:
    """Run the verifier over a bundle with the keys of this log. Raises NotVerified with what it says."""
    keys = {HeadSigner(settings.AUDIT_LOG.seed).public_key}
    keys |= {bytes(key) for key in AuditSigningKey.objects.values_list("public_key", flat=True)}
    argv = [sys.executable, "-I", str(Path(verifier.__file__)), str(folder), "--json"]
    for key in sorted(keys):
        argv += ["--key", key.hex()]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotVerified(f"the verifier did not finish: {type(error).__name__}") from None
    if done.returncode:
        raise NotVerified(f"the verifier refuses {folder}: {_why(done.stdout)}")


def _why(said: str) -> str:
    try:
        first = json.loads(said)["findings"][0]
    except (ValueError, LookupError, TypeError):
        return "it did not say why"
    return f"{first['class']} at {first['first']}: {first['text']}"
