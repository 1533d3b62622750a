"""Rotating the keys of a purpose: begun, gone on with after a kill, finished when nothing needs the former ones."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from apps.core import clock
from apps.core.alerts import settle_alerts
from apps.core.db import Advisory, in_unit_of_work, session_lock, unit_of_work
from apps.core.types import Condition, Severity
from apps.vault.errors import KeyUnavailable, NothingToRotate, RotationTaken
from apps.vault.keys import Keyring, keyring
from apps.vault.models import KeyRotation, PurposeKey
from apps.vault.rotation.columns import SealedColumn, sealed_columns
from apps.vault.rotation.stages import GRACE, Stages
from apps.vault.selectors.rotation import RotationView, rotation_view
from apps.vault.types import Purpose, RotationState

log = logging.getLogger(__name__)

SOURCE = "vault.rotation"


def rotate_keys(
    *,
    purpose: Purpose,
    now: datetime,
    with_rows: bool = True,
    seconds: float | None = None,
    grace: timedelta = GRACE,
    told: Callable[[RotationView], object] = lambda _: None,
    more_columns: Sequence[SealedColumn] = (),
    ring: Keyring | None = None,
) -> RotationView:
    """Begin a rotation of the purpose's keys, or go on with the one under way, for at most `seconds`; how it stands.

    It stops before it is done where former keys may still be in somebody's hands: a later call finishes it. `told` is
    called after each chunk. `more_columns` are columns of tables that are no models of the product's. Keys of blind
    indexes are wrapped anew and never replaced: an index is found by the key it was made with.

    Raises KeyUnavailable (a rotation that has not begun leaves nothing), RotationTaken, NothingToRotate; RuntimeError
    within a unit of work.
    """
    if in_unit_of_work():
        raise RuntimeError("rotate_keys() commits in chunks: it must be the outermost door")
    columns = [*sealed_columns(purpose), *more_columns]
    with session_lock(Advisory.KEY_ROTATION, str(purpose)) as taken:
        if not taken:
            raise RotationTaken
        run = _under_way(purpose) or _begin(purpose, now, with_rows=with_rows and bool(columns))
        stages = Stages(run, columns, clock.now, grace, ring or keyring())
        until = None if seconds is None else time.monotonic() + seconds
        try:
            while stages.step():
                told(rotation_view(run.pk, stages.longest_seconds))
                if until is not None and time.monotonic() >= until:
                    break
        except KeyUnavailable:
            with unit_of_work():
                KeyRotation.objects.filter(pk=run.pk, state=RotationState.BEGUN).delete()
            raise
    watch_ages(now=now)
    view = rotation_view(run.pk, stages.longest_seconds)
    log.info("keys rotated", extra={"purpose": str(purpose), "state": view.state, "rows": view.rewritten})
    return view


def rotate_due_keys(*, now: datetime, seconds: float) -> list[RotationView]:
    """Rotate what is old enough, and go on with what is under way, for at most `seconds`; how each stands.

    What another process is rotating is left to it, and a purpose whose key cannot be had does not keep the others from
    theirs: it is tried again at the next wake-up, and its alert stays.
    """
    until, done = time.monotonic() + seconds, []
    for purpose in due(now=now):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            done.append(rotate_keys(purpose=purpose, now=now, seconds=left))
        except (KeyUnavailable, RotationTaken, NothingToRotate) as refusal:
            log.warning("keys not rotated", extra={"purpose": str(purpose), "code": refusal.code})
    watch_ages(now=now)
    return done


def due(*, now: datetime) -> list[Purpose]:
    """The purposes whose rotation is under way, or whose key is older than `encryption.rotation_days`."""
    oldest = now - timedelta(days=settings.SECURITY.encryption.rotation_days)
    old = PurposeKey.objects.filter(retired_at=None, created_at__lte=oldest).values_list("purpose", flat=True)
    under_way = KeyRotation.objects.exclude(state=RotationState.DONE).values_list("purpose", flat=True)
    return sorted({Purpose(purpose) for purpose in (*old, *under_way)})


def watch_ages(*, now: datetime) -> None:
    """Have an alert open for each key that expires within `encryption.rotation_alert_days`, and for no other."""
    policy = settings.SECURITY.encryption
    live = PurposeKey.objects.filter(retired_at=None).values_list("purpose", "created_at")
    found = {
        f"{SOURCE}:{purpose}": condition
        for purpose, created_at in live
        if (condition := _condition(purpose, created_at + timedelta(days=policy.rotation_days) - now))
    }
    with unit_of_work():
        settle_alerts(source=SOURCE, conditions=found, now=now)


def _condition(purpose: str, left: timedelta) -> Condition | None:
    if left < -timedelta(days=1):
        return Condition(Severity.ERROR, f"The key of {purpose} should have been rotated {-left.days - 1} days ago.")
    if left > timedelta(days=settings.SECURITY.encryption.rotation_alert_days):
        return None
    return Condition(Severity.WARNING, f"The key of {purpose} is rotated in {max(left.days, 0)} days.")


def _under_way(purpose: Purpose) -> KeyRotation | None:
    return KeyRotation.objects.exclude(state=RotationState.DONE).filter(purpose=str(purpose)).first()


def _begin(purpose: Purpose, now: datetime, *, with_rows: bool) -> KeyRotation:
    """Its row comes first: who is killed after it was replaced is known to have to go on."""
    live = PurposeKey.objects.filter(purpose=str(purpose), retired_at=None).first()
    if live is None:
        raise NothingToRotate
    with unit_of_work():
        return KeyRotation.objects.create(purpose=str(purpose), with_rows=with_rows, former=live, began_at=now)
