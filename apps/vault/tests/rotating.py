"""Sealed documents by the thousand, and processes that read and write them while their keys rotate."""

import multiprocessing
import os
import random
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, Self
from uuid import UUID

from django.db import connections

from apps.core import clock
from apps.core.db import copy_rows, fetch_one, unit_of_work
from apps.core.ids import new_id
from apps.vault.fields.sealing import Place
from apps.vault.keys import keyring
from apps.vault.models import Document
from apps.vault.rotation.columns import sealed_columns
from apps.vault.selectors.rotation import RotationView
from apps.vault.services.rotation import rotate_keys
from apps.vault.types import Purpose, RotationState

fork = multiprocessing.get_context("fork")
# Enough for processes beside, which look at their keys once a second; a test that is alone needs none.
SHORT, NONE = timedelta(seconds=2), timedelta(0)
BATCH = 20_000
# Of those beside, between two acts: there are more of them than processors.
PAUSE_SECONDS = 0.01
COLUMNS = ("id", "subject", "kind", "media_type", "particulars", "state", "begun_at", "stored_sha256")
_UNDER_FORMER = """
    SELECT count(*) FROM vault_document document
    LEFT JOIN vault_subjectkey key ON key.id = encode(substring(particulars from 8 for 16), 'hex')::uuid
    WHERE key.id IS NULL OR key.superseded_at IS NOT NULL
"""


def load(rows: int, *, subjects: int) -> list[UUID]:
    """So many documents of so many subjects, whose particulars say which one each is; their ids."""
    keyring().forget()  # those of another database, before this one
    [column] = sealed_columns(Purpose.DOCUMENTS)
    people = [new_id() for _ in range(subjects)]
    made: list[UUID] = []
    for start in range(0, rows, BATCH):
        some = [people[at % subjects] for at in range(start, min(start + BATCH, rows))]
        keys = keyring().current_many(Purpose.DOCUMENTS, set(some))
        with unit_of_work():
            copied = [_row(column.place, subject, keys) for subject in some]
            copy_rows(Document, COLUMNS, copied)
        made += [row[0] for row in copied]
    return made


def _row(place: Place, subject: UUID, keys: Any) -> tuple[Any, ...]:
    document = new_id()
    plain = b'{"name":"%s","written":0}' % str(document).encode()
    sealed = place.seal(plain, (document,), keys[subject]).ciphertext
    return document, subject, "PASSPORT", "application/pdf", sealed, "WRITING", clock.now(), ""


def under_former_keys() -> int:
    """How many documents are encrypted under a key that was superseded, or that there is not."""
    row = fetch_one(_UNDER_FORMER)
    assert row is not None
    return int(row[0])


def rotate(purpose: Purpose = Purpose.DOCUMENTS, seconds: float = 120, **options: Any) -> RotationView:
    """Until it is done, however often its grace begins anew."""
    deadline, longest = time.monotonic() + seconds, 0.0
    while True:
        view = rotate_keys(purpose=purpose, now=clock.now(), **{"grace": NONE} | options)
        longest = max(longest, view.longest_commit_seconds)
        if view.state is RotationState.DONE:
            return replace(view, longest_commit_seconds=longest)
        assert time.monotonic() < deadline, view
        time.sleep(0.1)


def until_state(state: RotationState, purpose: Purpose = Purpose.DOCUMENTS, **options: Any) -> RotationView:
    """A chunk at a time, as far as a stage."""
    for _ in range(1_000):
        view = rotate_keys(purpose=purpose, now=clock.now(), seconds=0, **{"grace": NONE} | options)
        if view.state is state:
            return view
    raise AssertionError(view)


@dataclass
class Beside:
    """A forked process that repeats an act until it is told to stop; then it says what came of it."""

    act: Callable[[random.Random], object]
    seed: int = 0

    def __enter__(self) -> Self:
        connections.close_all()
        self._ours, theirs = fork.Pipe()
        self.process = fork.Process(target=self._live, args=(theirs,))
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.is_alive():
            self.process.kill()
        self.process.join(10)

    def end(self) -> list[Any]:
        """Stop it; what each act returned. Raises AssertionError with what went wrong there."""
        self._ours.send("stop")
        assert self._ours.poll(60), "no answer"
        kind, said = self._ours.recv()
        assert kind == "done", said
        return list(said)

    def _live(self, pipe: Connection) -> None:
        found, chance = [], random.Random(self.seed)
        try:
            while not pipe.poll(PAUSE_SECONDS):
                found.append(self.act(chance))
            pipe.send(("done", found))
        except BaseException:
            pipe.send(("failed", traceback.format_exc()))
            raise
        finally:
            connections.close_all()
            os._exit(0)


def reading(ids: Sequence[UUID]) -> Callable[[random.Random], int]:
    """Read twenty documents, each with its own key: all must open, and be what they are."""

    def read(chance: random.Random) -> int:
        for row in Document.objects.filter(pk__in=chance.sample(list(ids), 20)):
            assert row.particulars["name"] == str(row.pk)
        return 20

    return read


def writing(ids: Sequence[UUID]) -> Callable[[random.Random], UUID]:
    """Count on one document under its lock; half of the time as who saves the whole row."""

    def write(chance: random.Random) -> UUID:
        with unit_of_work():
            row = Document.objects.select_for_update().get(pk=chance.choice(ids))
            row.particulars |= {"written": row.particulars["written"] + 1}
            row.save(update_fields=["particulars"] if chance.random() < 0.5 else None)
        return row.pk

    return write


def lagging(ids: Sequence[UUID]) -> Callable[[random.Random], None]:
    """Save documents as they were read a while ago, ciphertext and all."""

    def save(chance: random.Random) -> None:
        rows = [Document.objects.get(pk=pk) for pk in chance.sample(list(ids), 3)]
        time.sleep(0.1)
        for row in rows:
            with unit_of_work():
                row.save()

    return save
