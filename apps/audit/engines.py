"""The two engines of the tree: one numbers what was committed, one hashes what was numbered and signs the tree.

They work side by side, on two processors of the database (ADR 0017). Neither is woken: a notification would cost every
writer a lock at its commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings

from apps.audit.errors import TreeDiffers
from apps.audit.heads import SignsHeads, head_signer
from apps.audit.selectors.tree import Backlog, backlog, unhashed_seconds
from apps.audit.services.anchor_places import watch_anchors
from apps.audit.services.integrating import Grown, hash_leaves, keep_key, load_tree, sign_head
from apps.audit.services.sequencing import number_events
from apps.core import clock
from apps.core.alerts import settle_alerts
from apps.core.daemon import Engine, Leadership
from apps.core.db import unit_of_work
from apps.core.types import Condition, Severity
from apps.vault.errors import SigningKeyUnavailable

BATCH = 10_000
LOOK = timedelta(seconds=1)
SEQUENCER, INTEGRATOR = "audit.sequencer", "audit.integrator"
LAG, ORDER = f"{SEQUENCER}:lag", f"{SEQUENCER}:order"
UNHASHED, TREE, KEY = f"{INTEGRATOR}:lag", f"{INTEGRATOR}:tree", f"{INTEGRATOR}:key"


class Sequencer(Engine):
    """One leader gives every committed event its place in the log, in batches."""

    name = "audit_sequencer"
    poll_seconds = 0.2

    def __init__(self, batch: int = BATCH) -> None:
        self._batch = batch
        self._looked_at: datetime | None = None

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Number one batch; true if more may wait. Raises Deposed."""
        waiting = backlog()
        if _is_time_to_look(self._looked_at, now):
            self._looked_at = now
            # In a commit of its own: it is told whatever becomes of the batch.
            with unit_of_work():
                settle_alerts(source=SEQUENCER, conditions=backlog_conditions(waiting), now=now)
        if not waiting.is_in_order or not waiting.is_ready:
            return False
        return number_events(limit=self._batch, fence=leadership.fence) == self._batch


class Integrator(Engine):
    """One leader hashes the numbered events into the tree, in batches, and signs heads."""

    name = "audit_integrator"
    poll_seconds = 0.2

    def __init__(self, batch: int = BATCH, find_signer: Callable[[], SignsHeads] = head_signer) -> None:
        self._batch, self._find_signer = batch, find_signer
        self._signer: SignsHeads | None = None
        # What is wrong until it is right again.
        self._found: dict[str, Condition] = {}
        self._grown: Grown
        self._looked_at: datetime | None = None

    def lead(self, leadership: Leadership) -> None:
        """Load the tree. Raises TreeDiffers, after an alert: it is not what was signed."""
        self._looked_at = None
        with self._alarmed():
            self._grown = load_tree()

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Hash one batch, and sign if it is time; true if more may wait. Raises Deposed, and TreeDiffers as lead()."""
        self._watch(now)
        with self._alarmed():
            self._grown, hashed = hash_leaves(self._grown, limit=self._batch, fence=leadership.fence)
        if self._grown.is_head_due(now):
            self._sign(leadership, now)
        return hashed == self._batch

    def _sign(self, leadership: Leadership, now: datetime) -> None:
        """While the key cannot be had events become leaves all the same, and are signed later."""
        try:
            if self._signer is None:
                signer = self._find_signer()
                with unit_of_work():
                    keep_key(signer, now)
                self._signer = signer
            self._grown = sign_head(self._grown, now=now, signer=self._signer, fence=leadership.fence)
            self._found.pop(KEY, None)
        except SigningKeyUnavailable as refusal:
            self._found[KEY] = Condition(Severity.ERROR, UNSIGNED.format(refusal.reason))

    @contextmanager
    def _alarmed(self) -> Iterator[None]:
        """Nothing is hashed or signed over a tree that somebody changed, and operators know."""
        try:
            yield
        except TreeDiffers:
            self._found[TREE] = DIFFERS
            with unit_of_work():
                settle_alerts(source=INTEGRATOR, conditions=self._found, now=clock.now())
            raise
        self._found.pop(TREE, None)

    def _watch(self, now: datetime) -> None:
        if not _is_time_to_look(self._looked_at, now):
            return
        self._looked_at = now
        with unit_of_work():
            behind = lag_condition(unhashed_seconds(), "the integrator is behind")
            found = self._found | ({UNHASHED: behind} if behind else {})
            settle_alerts(source=INTEGRATOR, conditions=found, now=now)
            # Also when nobody runs the job that anchors.
            watch_anchors(now=now)


def backlog_conditions(waiting: Backlog) -> dict[str, Condition]:
    """What is wrong with the numbering, by the keys of its alerts."""
    found = {}
    why = "the sequencer is behind" if waiting.is_ready else "a transaction that began before it has not ended"
    if behind := lag_condition(waiting.seconds, why):
        found[LAG] = behind
    if not waiting.is_in_order:
        found[ORDER] = Condition(Severity.CRITICAL, OUT_OF_ORDER)
    return found


def lag_condition(seconds: float, why: str) -> Condition | None:
    """An event has waited longer than it should."""
    limit = settings.SECURITY.audit.signing.lag_seconds
    if seconds <= limit:
        return None
    summary = f"An audit event has waited more than {limit} seconds for its place in the log: {why}."
    return Condition(Severity.ERROR, summary)


def _is_time_to_look(looked_at: datetime | None, now: datetime) -> bool:
    return looked_at is None or now - looked_at >= LOOK


OUT_OF_ORDER = (
    "The server's transaction numbers are below those in the audit log, as after a restore from a dump: "
    "no event is numbered. See docs/audit-tree.md."
)
UNSIGNED = (
    "The audit log is not signed: its key in KMS cannot be had ({}). Events are numbered, and signed when it can."
)
DIFFERS = Condition(
    Severity.CRITICAL,
    "The audit log's stored tree is not what was signed: no event is hashed, nothing signed. See docs/audit-tree.md.",
)
