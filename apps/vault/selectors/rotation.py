"""How a rotation stands."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, DecimalField, Max, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest

from apps.vault.models import KeyRotation
from apps.vault.types import Purpose, RotationState

# A sum of bigints is a numeric.
ZERO = Value(0, output_field=DecimalField())


@dataclass(frozen=True, slots=True)
class RotationView:
    """Of rows: about how many there are, how many this turn has passed; of all turns how many were encrypted anew,
    how many were left to a quicker writer; how many cannot be opened. `done` of `total` is of the present stage.
    """

    rotation_id: UUID
    purpose: Purpose
    state: RotationState
    began_at: datetime
    emptied_at: datetime | None
    finished_at: datetime | None
    done: int
    total: int
    keys: int
    keys_unreadable: int
    keys_destroyed: int
    keys_kept: int
    rewritten: int
    left_to_writers: int
    unreadable: int
    turn: int
    longest_commit_seconds: float = 0.0

    @property
    def percent(self) -> int:
        """Of the present stage."""
        return 100 * self.done // self.total if self.total else 0


def rotation_view(rotation_id: UUID, longest_commit_seconds: float = 0.0) -> RotationView:
    """How it stands, as of now."""
    return replace(_view(_counted().get(pk=rotation_id)), longest_commit_seconds=longest_commit_seconds)


def rotations_under_way() -> list[RotationView]:
    """Those that are not done, by purpose."""
    return [_view(run) for run in _counted().exclude(state=RotationState.DONE).order_by("purpose")]


def latest_rotations() -> list[RotationView]:
    """The last rotation of each purpose, by purpose."""
    latest = KeyRotation.objects.order_by("purpose", "-began_at", "-id").distinct("purpose").values("pk")
    return [_view(run) for run in _counted().filter(pk__in=latest).order_by("purpose")]


def _counted() -> "QuerySet[Any]":
    """Rotations with what their columns come to."""
    expected = Greatest("columns__total", "columns__passed")
    passed = Case(When(columns__turn_done=True, then=expected), default="columns__passed")
    return KeyRotation.objects.annotate(
        rows_total=Coalesce(Sum(expected, output_field=DecimalField()), ZERO),
        rows_done=Coalesce(Sum(passed, output_field=DecimalField()), ZERO),
        rewritten=Coalesce(Sum("columns__rewritten", output_field=DecimalField()), ZERO),
        left_to_writers=Coalesce(Sum("columns__left_to_writers", output_field=DecimalField()), ZERO),
        unreadable=Coalesce(Sum("columns__unreadable", output_field=DecimalField()), ZERO),
        turn=Coalesce(Max("columns__turn"), 1),
    )


def _view(run: Any) -> RotationView:
    state = RotationState(run.state)
    done, total = run.rows_done, run.rows_total
    if state in {RotationState.BEGUN, RotationState.KEYS}:
        done, total = run.keys_done, run.keys_total
    elif state is RotationState.DONE:
        done = total
    return RotationView(
        rotation_id=run.pk,
        purpose=Purpose(run.purpose),
        state=state,
        began_at=run.began_at,
        emptied_at=run.emptied_at,
        finished_at=run.finished_at,
        done=int(min(done, total)),
        total=int(total),
        keys=run.keys_done,
        keys_unreadable=run.keys_unreadable,
        keys_destroyed=run.keys_destroyed,
        keys_kept=run.keys_kept,
        rewritten=int(run.rewritten),
        left_to_writers=int(run.left_to_writers),
        unreadable=int(run.unreadable),
        turn=run.turn,
    )
