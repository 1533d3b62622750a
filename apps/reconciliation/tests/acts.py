"""What officers do with breaks, each in a unit of work of its own, and what a refusal leaves as it was."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from apps.audit.models import AuditLog
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.core.errors import DomainError
from apps.core.models import OutboxEvent
from apps.ledger.models import LedgerTransfer
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.services.breaks import assign_break, explain_break
from apps.reconciliation.services.resolutions import reject_resolution


def written() -> tuple[Any, ...]:
    """All that an act upon breaks writes: a refusal changes none of it."""
    counts = [model.objects.count() for model in (BreakEvent, LedgerTransfer, AuditLog, OutboxEvent)]
    breaks = Break.objects.order_by("pk").values_list("pk", "state", "owner_id", "resolved_at", "accepted")
    resolutions = Resolution.objects.order_by("pk").values_list("pk", "state", "decided_by", "transfer_id")
    return (*counts, list(breaks), list(resolutions))


def refused(error: type[DomainError], act: Callable[[], object]) -> None:
    """The act raises this and leaves everything as it was."""
    before = written()
    with pytest.raises(error), unit_of_work():
        act()
    assert written() == before


def reject(resolution_id: UUID, actor: Actor, reason: str = "not so") -> None:
    with unit_of_work():
        reject_resolution(actor=actor, resolution_id=resolution_id, reason=reason, now=clock.now())


def assign(row: Break, actor: Actor, owner_id: UUID) -> None:
    with unit_of_work():
        assign_break(actor=actor, break_id=row.pk, owner_id=owner_id, now=clock.now())


def explain(row: Break, actor: Actor, text: str = "the registrar's agent") -> None:
    with unit_of_work():
        explain_break(actor=actor, break_id=row.pk, text=text, now=clock.now())
