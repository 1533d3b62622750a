"""A log with a past: events and heads of years ago. Only the owner can make one; the application cannot.

A log's time goes forward: what is verified as a whole has its old events first, under old heads.
"""

from datetime import timedelta
from itertools import count
from pathlib import Path

from django.core.management import call_command
from django.db import connections, transaction

from apps.audit.models import AuditAnchor, AuditExport, AuditHead, AuditLeaf
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import HEAD_PAUSE, Led, pass_horizon
from apps.audit.types import RecordClass
from apps.core import clock
from apps.core.actor import Actor, system_actor
from apps.core.db import fetch_all, unit_of_work

AGED = """
    ALTER TABLE audit_auditlog DISABLE TRIGGER append_only_row;
    UPDATE audit_auditlog SET created_at = created_at - make_interval(days => %s) WHERE id = ANY (%s);
    ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER append_only_row
"""
OLD = 4_000
_numbers = count(1)


def as_owner(statement: str, params: object = None) -> None:
    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        cursor.execute(statement, params)
    connections["owner"].close()


def record(
    number: int = 1,
    *,
    days: int = 0,
    record_class: RecordClass = RecordClass.AUDIT_TRAIL,
    actor: Actor | None = None,
    resource_type: str = "thing",
    after: dict[str, object] | None = None,
    name: str = "",
) -> list[int]:
    """Events, `days` old, each of a resource of its own; their numbers."""
    with unit_of_work():
        events = [
            log_audit_event(
                actor=actor or system_actor(),
                action="test.done",
                resource_type=resource_type,
                resource_id=name or f"{clock.now().timestamp()}-{one}",
                after=after,
                record_class=record_class,
            )
            for one in range(number)
        ]
    if days:
        as_owner(AGED, [days, events])
    return events


def sign(*, days: int = 0) -> int:
    """Number what waits, and sign a head `days` ago; its size."""
    pass_horizon()
    log = Led()
    now = clock.now() - timedelta(days=days)
    while log.step(now):
        pass
    log.step(now + HEAD_PAUSE)
    return AuditLeaf.objects.count()


def anchor(size: int, **changes: object) -> None:
    """As the anchoring job records a head that it read back from the chain."""
    head = AuditHead.objects.get(size=size)
    facts = {
        "kind": "EVM",
        "size": size,
        "log": head.log,
        "root": bytes(head.root),
        "place": "eip155:31337",
        "tx_hash": f"0x{next(_numbers):064x}",
        "digest": bytes(32),
        "anchored_at": clock.now(),
    }
    AuditAnchor.objects.create(**facts | changes)


def export(folder: Path, *bounds: object) -> Path:
    call_command("export_audit", *map(str, bounds), "--out", str(folder))
    return folder


def put_on_record(start: int, stop: int) -> None:
    """As an export is recorded, where a test needs no bundle."""
    size = max(AuditHead.objects.values_list("size", flat=True))
    AuditExport.objects.create(first=start, stop=stop, head_size=size, manifest_sha256=bytes(32), place="a tape")


def settle() -> int:
    """Sign all there is, put it on record and anchor it; its size."""
    size = sign()
    put_on_record(0, size)
    anchor(size)
    return size


def present(events: list[int]) -> list[int]:
    return [row[0] for row in fetch_all("SELECT id FROM audit_auditlog WHERE id = ANY (%s) ORDER BY id", [events])]
