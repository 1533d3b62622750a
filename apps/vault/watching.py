"""What operators see of keys."""

from collections.abc import Iterator

from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, gauge
from apps.core.registry import Health
from apps.vault.errors import KeyUnavailable, UnknownKey
from apps.vault.keys import keyring
from apps.vault.models import PurposeKey, SubjectErasure, SubjectHold
from apps.vault.selectors.rotation import latest_rotations
from apps.vault.types import Purpose

UP_TO = f"Counted up to {COUNTED_TO}."
AGE = gauge("bookentry_vault_purpose_key_age_seconds", "Seconds since the live key of a purpose was made.", "purpose")
RETIRED = gauge("bookentry_vault_purpose_keys_retired", "Former keys of a purpose, which still open data.", "purpose")
INCOMPLETE = gauge(
    "bookentry_vault_erasures_incomplete", f"Subjects whose destroyed keys are still in a backup. {UP_TO}"
)
HOLDS = gauge("bookentry_vault_holds_open", f"Legal holds that forbid an erasure. {UP_TO}")
DONE = gauge("bookentry_vault_rotation_done", "Of the latest rotation's stage: how much is done.", "purpose", "state")
TOTAL = gauge(
    "bookentry_vault_rotation_expected", "Of the latest rotation's stage: about how much there is.", "purpose"
)
ANEW = gauge("bookentry_vault_rotation_rewritten", "Values the latest rotation has encrypted anew.", "purpose")
UNREADABLE = gauge("bookentry_vault_rotation_unreadable", "Keys and values it found that do not open.", "purpose")
METRICS = (AGE, RETIRED, INCOMPLETE, HOLDS, DONE, TOTAL, ANEW, UNREADABLE)


def health() -> Health:
    """Whether this process can have the live key of each purpose. Asking keeps them open."""
    wanting = []
    live = PurposeKey.objects.filter(retired_at=None).order_by("purpose").values_list("pk", "purpose")
    for kek_id, purpose in live:
        try:
            keyring().purposes.get(kek_id)
        except (KeyUnavailable, UnknownKey):
            wanting.append(purpose)
    detail = f"no key of: {', '.join(wanting)}" if wanting else f"open: {len(live)}"
    return Health(ok=not wanting, detail=detail, required=False)


def read_metrics() -> Iterator[Sample]:
    """Ages, and what waits."""
    now = clock.now()
    live = dict(PurposeKey.objects.filter(retired_at=None).values_list("purpose", "created_at"))
    for purpose in Purpose:
        if made_at := live.get(str(purpose)):
            yield AGE.sample(max((now - made_at).total_seconds(), 0), purpose=purpose)
        yield RETIRED.sample(
            PurposeKey.objects.filter(purpose=str(purpose)).exclude(retired_at=None).count(), purpose=purpose
        )
    yield INCOMPLETE.sample(counted(SubjectErasure.objects.filter(complete_on__gt=now.date())))
    yield HOLDS.sample(counted(SubjectHold.objects.filter(released_at=None)))
    for view in latest_rotations():
        yield DONE.sample(view.done, purpose=view.purpose, state=view.state)
        yield TOTAL.sample(view.total, purpose=view.purpose)
        yield ANEW.sample(view.rewritten, purpose=view.purpose)
        yield UNREADABLE.sample(view.unreadable + view.keys_unreadable, purpose=view.purpose)
