"""The stages of a rotation, each done in chunks that commit: what is killed goes on from its last commit.

BEGUN -> KEYS -> ROWS -> GRACE -> CHECKING -> RETIRING -> DONE
                             ^--------'  (a row came back under a former key)
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Sum, Value
from django.db.models.functions import Now

from apps.core import outbox
from apps.core.cache import invalidate
from apps.core.db import fetch_one, run_sql, unit_of_work
from apps.vault.errors import RotationTaken
from apps.vault.keys import Keyring, keyring, store
from apps.vault.keys.store import GENERATION
from apps.vault.models import KeyRotation, RotatedColumn
from apps.vault.rotation import rows, subject_keys
from apps.vault.rotation.columns import SealedColumn
from apps.vault.rotation.pace import Pace
from apps.vault.rotation.subject_keys import FIRST
from apps.vault.services.purpose_keys import replace_purpose_key
from apps.vault.types import ROTATION_MOVED, Purpose, RotationState

# Longer than any request or task: nobody still holds a value that was read before its row was encrypted anew, and
# every process has looked at its keys again (`encryption.key_cache_seconds` among the reasons).
GRACE = timedelta(minutes=15)
# A table that is gone through and has nothing to do costs little a row.
LARGEST_LOOK = 50_000
# Between two turns, for writers whose rows were left to them.
MOMENT_SECONDS = 0.05
_GRACE_IS_OVER = """
    SELECT %(emptied)s + %(grace)s <= clock_timestamp() AND NOT EXISTS (
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= %(emptied)s
    )
"""


@dataclass(slots=True)
class Stages:
    """One rotation under way in this process."""

    run: KeyRotation
    columns: Sequence[SealedColumn]
    now: Callable[[], datetime]
    grace: timedelta = GRACE
    ring: Keyring = field(default_factory=keyring)
    keys_pace: Pace = field(default_factory=Pace)
    rows_pace: Pace = field(default_factory=Pace)
    look_pace: Pace = field(default_factory=lambda: Pace(1_000, largest=LARGEST_LOOK))
    _key: UUID = FIRST
    _longest_write: float = 0.0

    @property
    def longest_seconds(self) -> float:
        """The longest transaction so far."""
        return max(self.keys_pace.longest_seconds, self._longest_write)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The part of a chunk of rows that is a transaction."""
        began = time.monotonic()
        with unit_of_work():
            yield
        self._longest_write = max(self._longest_write, time.monotonic() - began)

    def step(self) -> bool:
        """Do one chunk; false if there is nothing to do now. Raises KeyUnavailable, RotationTaken."""
        match RotationState(self.run.state):
            case RotationState.BEGUN:
                return self._replace()
            case RotationState.KEYS:
                return self._wrap()
            case RotationState.ROWS | RotationState.CHECKING:
                return self._go_through()
            case RotationState.GRACE:
                return self._end_grace()
            case RotationState.RETIRING:
                return self._retire()
            case RotationState.DONE:
                return False

    def _replace(self) -> bool:
        """A new purpose key, unless who was killed here had made it already."""
        purpose = Purpose(self.run.purpose)
        live = store.live_purpose_key(purpose)
        if live is None or live.id == self.run.former_id:
            kek_id = replace_purpose_key(purpose=purpose, now=self.now(), ring=self.ring)
        else:
            kek_id = live.id
        total = subject_keys.remaining(purpose, kek_id)
        return self._move(RotationState.KEYS, kek_id=kek_id, keys_total=total)

    def _wrap(self) -> bool:
        with self.keys_pace.chunk() as size:
            last = subject_keys.wrap_chunk(self.run, self.ring, after=self._key, size=size)
        if last is not None:
            self._key = last
            return True
        left = subject_keys.remaining(Purpose(self.run.purpose), self.run.kek_id or 0)
        if not self.run.with_rows:
            return self._move(RotationState.DONE, finished_at=Now(), keys_unreadable=left, told=True)
        for column in self.columns:
            named = {"rotation": self.run, "model": column.model, "column": column.column}
            RotatedColumn.objects.get_or_create(**named, defaults={"total": rows.about(column)})
        return self._move(RotationState.ROWS, keys_unreadable=left, told=True)

    def _go_through(self) -> bool:
        """The next chunk of the first column whose turn is not done."""
        known = {(column.model, column.column): column for column in self.columns}
        waiting = RotatedColumn.objects.filter(rotation=self.run, turn_done=False).order_by("model", "column")
        for job in waiting:
            column = known.get((job.model, job.column))
            if column is not None and not (column.append_only and self.run.state == RotationState.ROWS):
                return self._look(job, column) if column.append_only else self._encrypt(job, column)
            RotatedColumn.objects.filter(pk=job.pk).update(turn_done=True)
        if self.run.state == RotationState.ROWS:
            return self._move(RotationState.GRACE, emptied_at=Now())
        if RotatedColumn.objects.filter(rotation=self.run, found__gt=F("unreadable")).exists():
            return self._move(RotationState.GRACE, emptied_at=Now())
        return self._move(RotationState.RETIRING)

    def _encrypt(self, job: RotatedColumn, column: SealedColumn) -> bool:
        # Who finds rows to encrypt goes slower than who passes rows that are done.
        pace = self.look_pace if job.turn > 1 or self.run.state == RotationState.CHECKING else self.rows_pace
        with pace.chunk() as size:
            chunk = rows.find(column, after=job.cursor, size=size).cut(self.rows_pace.size)
            made = rows.encrypt_anew(column, chunk.rows)
            with self._writing():
                # The log's triggers know by it that these are the same values (apps.audit.sql).
                run_sql("SELECT set_config('bookentry.rotation', %s, true)", [str(self.run.pk)])
                written = rows.write(column, made)
                if self.run.state == RotationState.CHECKING:
                    rows.need(self.run, {row.key_id for row in made.unreadable if row.key_id})
                self._pass(
                    job,
                    chunk.passed,
                    chunk.last,
                    found=len(made.changes) + len(made.unreadable),
                    unreadable=len(made.unreadable),
                    rewritten=written,
                    left_to_writers=len(made.changes) - written,
                )
        if not chunk.passed:
            time.sleep(MOMENT_SECONDS)
        return True

    def _look(self, job: RotatedColumn, column: SealedColumn) -> bool:
        """Which former keys the rows need that nobody may change."""
        with self.look_pace.chunk() as size:
            passed, last, needed = rows.find_needed(column, after=job.cursor, size=size)
            with self._writing():
                rows.need(self.run, needed)
                self._pass(job, passed, last)
        return True

    def _pass(self, job: RotatedColumn, passed: int, last: object, **counts: int) -> None:
        """Move the cursor, with the effect. At the end begin another turn if this one found something to do."""
        changes: dict[str, object] = {name: F(name) + count for name, count in counts.items()}
        if passed:
            changes |= {"cursor": str(last), "passed": F("passed") + passed}
        elif job.found > job.unreadable and self.run.state == RotationState.ROWS:
            changes |= {"cursor": None, "passed": 0, "turn": F("turn") + 1, "found": 0, "unreadable": 0}
        else:
            changes |= {"turn_done": True}
        held = RotatedColumn.objects.filter(pk=job.pk, turn=job.turn, cursor=job.cursor)
        if not held.update(**changes):
            raise RotationTaken

    def _end_grace(self) -> bool:
        values = {"emptied": self.run.emptied_at, "grace": self.grace}
        over = fetch_one(_GRACE_IS_OVER, values)
        if not over or not over[0]:
            return False
        with unit_of_work():
            for column in self.columns:
                named = {"rotation": self.run, "model": column.model, "column": column.column}
                RotatedColumn.objects.get_or_create(**named, defaults={"total": rows.about(column)})
            RotatedColumn.objects.filter(rotation=self.run).update(
                cursor=None, passed=0, found=0, unreadable=0, turn=F("turn") + 1, turn_done=False
            )
            return self._move(RotationState.CHECKING)

    def _retire(self) -> bool:
        with self.keys_pace.chunk() as size:
            if subject_keys.retire_chunk(self.run, size=size):
                return True
        kept = subject_keys.kept(Purpose(self.run.purpose))
        return self._move(RotationState.DONE, finished_at=Now(), keys_kept=kept, told=True)

    def _move(self, state: RotationState, *, told: bool = False, **changes: object) -> bool:
        """Go to another stage; `told`: every process looks at its keys again. Raises RotationTaken."""
        with unit_of_work():
            held = KeyRotation.objects.filter(pk=self.run.pk, state=self.run.state)
            if not held.update(state=Value(state.value), **changes):
                raise RotationTaken
            self._tell(state)
            if told:
                invalidate(GENERATION, now=self.now())
        if told:
            self.ring.look_again()
        self.run.refresh_from_db()
        return True

    def _tell(self, state: RotationState) -> None:
        rewritten = RotatedColumn.objects.filter(rotation=self.run).aggregate(Sum("rewritten"))["rewritten__sum"]
        payload = {"purpose": self.run.purpose, "state": state.value, "rewritten": rewritten or 0}
        outbox.publish(topic=ROTATION_MOVED, key=str(self.run.pk), payload=payload)
