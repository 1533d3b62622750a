"""The sequencer: numbers what was committed, and signs what it numbered."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings

from apps.audit.errors import TreeDiffers
from apps.audit.heads import SignsHeads, head_signer
from apps.audit.selectors.tree import Backlog, backlog
from apps.audit.services.anchor_places import watch_anchors
from apps.audit.services.sequencing import Grown, keep_key, load_tree, number_events, sign_head
from apps.core import clock
from apps.core.alerts import settle_alerts
from apps.core.daemon import Engine, Leadership
from apps.core.db import unit_of_work
from apps.core.types import Condition, Severity
from apps.vault.errors import SigningKeyUnavailable

BATCH = 10_000
LOOK = timedelta(seconds=1)
SOURCE = "audit.sequencer"
LAG, ORDER, TREE, KEY = f"{SOURCE}:lag", f"{SOURCE}:order", f"{SOURCE}:tree", f"{SOURCE}:key"


class Sequencer(Engine):
    """One leader gives every committed event its leaf, in batches, and signs heads.

    It is not woken: a notification would cost every writer a lock at its commit.
    """

    name = "audit_sequencer"
    poll_seconds = 0.2

    def __init__(self, batch: int = BATCH, find_signer: Callable[[], SignsHeads] = head_signer) -> None:
        self._batch, self._find_signer = batch, find_signer
        self._signer: SignsHeads | None = None
        self._unsigned: Condition | None = None
        self._grown: Grown
        self._looked_at: datetime | None = None

    def lead(self, leadership: Leadership) -> None:
        """Load the tree. Raises TreeDiffers, after an alert: it is not what was signed."""
        try:
            self._grown = load_tree()
        except TreeDiffers:
            with unit_of_work():
                settle_alerts(source=SOURCE, conditions={TREE: DIFFERS}, now=clock.now())
            raise
        self._looked_at = None

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Number one batch, and sign if it is time; true if more may wait. Raises Deposed, TreeDiffers."""
        waiting = backlog()
        self._watch(waiting, now)
        if not waiting.is_in_order:
            return False
        numbered = 0
        if waiting.is_ready:
            self._grown, numbered = number_events(self._grown, limit=self._batch, fence=leadership.fence)
        if self._grown.is_head_due(now):
            self._sign(leadership, now)
        return numbered == self._batch

    def _sign(self, leadership: Leadership, now: datetime) -> None:
        """While the key cannot be had events are numbered all the same, and signed later."""
        try:
            if self._signer is None:
                signer = self._find_signer()
                with unit_of_work():
                    keep_key(signer, now)
                self._signer = signer
            self._grown = sign_head(self._grown, now=now, signer=self._signer, fence=leadership.fence)
            self._unsigned = None
        except SigningKeyUnavailable as refusal:
            self._unsigned = Condition(Severity.ERROR, UNSIGNED.format(refusal.reason))

    def _watch(self, waiting: Backlog, now: datetime) -> None:
        """Raise or resolve alerts, in a commit of its own: they are told whatever becomes of the batch."""
        if self._looked_at is not None and now - self._looked_at < LOOK:
            return
        self._looked_at = now
        with unit_of_work():
            found = conditions(waiting) | ({KEY: self._unsigned} if self._unsigned else {})
            settle_alerts(source=SOURCE, conditions=found, now=now)
            # Also when nobody runs the job that anchors.
            watch_anchors(now=now)


def conditions(waiting: Backlog) -> dict[str, Condition]:
    """What is wrong, by the keys of its alerts."""
    found = {}
    limit = settings.SECURITY.audit.signing.lag_seconds
    if waiting.seconds > limit:
        why = "the sequencer is behind" if waiting.is_ready else "a transaction that began before it has not ended"
        summary = f"An audit event has waited more than {limit} seconds for its place in the log: {why}."
        found[LAG] = Condition(Severity.ERROR, summary)
    if not waiting.is_in_order:
        found[ORDER] = Condition(Severity.CRITICAL, OUT_OF_ORDER)
    return found


OUT_OF_ORDER = (
    "The server's transaction numbers are below those in the audit log, as after a restore from a dump: "
    "no event is numbered. See docs/audit-tree.md."
)
UNSIGNED = (
    "The audit log is not signed: its key in KMS cannot be had ({}). Events are numbered, and signed when it can."
)
DIFFERS = Condition(
    Severity.CRITICAL,
    "The audit log's stored tree is not what was signed: no event is numbered, nothing signed. See docs/audit-tree.md.",
)
