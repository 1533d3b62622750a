"""What a person has to know of what we send: open alerts are made to be those of its state, every few seconds."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Min

from apps.chain.models import Intervention, SignerRelease, TxIntent
from apps.chain.services.limits import held_back
from apps.chain.types import IntentState
from apps.core.alerts import settle_alerts
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work
from apps.core.metrics import counted, counted_by
from apps.core.types import Condition, Severity

SOURCE = "chain.sending"
OFTEN = timedelta(seconds=5)
ON_THEIR_WAY = (IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST)


class SendingWatch:
    """The sender's own look at what it does; it looks also where no node answers."""

    def __init__(self) -> None:
        self._settled_at: datetime | None = None

    def forget(self) -> None:
        """Look with the next look."""
        self._settled_at = None

    def look(self, leadership: Leadership, now: datetime) -> None:
        """Settle the alerts of what is sent, if the last time is a while ago. Raises Deposed."""
        if self._settled_at is not None and abs(now - self._settled_at) < OFTEN:
            return
        with unit_of_work():
            leadership.fence()
            settle_alerts(source=SOURCE, conditions=conditions(now), now=now)
        self._settled_at = now


def conditions(now: datetime) -> dict[str, Condition]:
    """By key: signers whose transactions wait too long for a block, or for room in a limit; what waits for people."""
    policy = settings.SECURITY.chain.sending
    found: dict[str, Condition] = {}
    late = now - timedelta(seconds=policy.late_seconds)
    oldest = TxIntent.objects.filter(state__in=ON_THEIR_WAY, signer__frozen_at=None).values("signer_id")
    for role, at in oldest.annotate(at=Min("created_at")).values_list("signer_id", "at").order_by("signer_id"):
        if at < late:
            found[f"late:{role}"] = Condition(
                Severity.WARNING, f"A transaction of {role} is in no block after {policy.late_seconds} seconds."
            )
    for role, number in counted_by(held_back(), "signer_id"):
        found[f"limit:{role}"] = Condition(
            Severity.WARNING, f"{number} transactions of {role} wait, since its limits have no room for them."
        )
    if number := waiting_for_people(now - timedelta(seconds=policy.undecided_seconds)):
        found["undecided"] = Condition(
            Severity.WARNING,
            f"{number} transactions, or acts upon them, wait longer than {policy.undecided_seconds} seconds for a "
            "second person.",
        )
    return {f"{SOURCE}:{key}": condition for key, condition in found.items()}


def waiting_for_people(before: datetime) -> int:
    """How many drafts, and acts that need two people, written before that instant nobody has decided."""
    drafts = TxIntent.objects.filter(state__in=(IntentState.DRAFT, IntentState.APPROVED), created_at__lt=before)
    acts = Intervention.objects.filter(end="", needs_two=True, approved_by=None, asked_at__lt=before)
    releases = SignerRelease.objects.filter(end="", approved_by=None, asked_at__lt=before)
    return counted(drafts) + counted(acts) + counted(releases)
