"""The keyring: keys by subject, to encrypt, and by id, to decrypt."""

import hmac
import os
import threading
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import IntegrityError

from apps.core.db.constraints import translated
from apps.core.ids import new_id
from apps.vault.errors import KeyUnavailable, SubjectErased, UnknownKey, Unreadable
from apps.vault.keys import alarms, store
from apps.vault.keys.data_keys import DataKey, IndexKey
from apps.vault.keys.errands import own_right
from apps.vault.keys.memory import Held, Kek, Memory
from apps.vault.keys.purposes import PurposeKeys
from apps.vault.keys.store import NewRow, SubjectRow
from apps.vault.keys.wrapping import Binding, NotThisKey, new_key, unwrap, wrap
from apps.vault.kms import KeyProvider, choosing
from apps.vault.types import Purpose

# A key that another process destroyed or superseded is used here for so long at most.
STALE_SECONDS = 1.0
# Each takes about 3 kB, most of it OpenSSL's.
CAPACITY = 5_000
TRIES = 3
_INDEXES = UUID("0198f3a2-6f0e-7c41-9b57-5d2f3c0f7a11")


class Keyring:
    """The open keys of one process. Safe between threads; every method joins no transaction of its caller's."""

    def __init__(
        self,
        *,
        provider_named: Callable[[str], KeyProvider] = choosing.provider_named,
        present: Callable[[], str] = choosing.present,
        seconds: float | None = None,
        capacity: int = CAPACITY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memory = Memory(capacity)
        self._now = monotonic
        self.purposes = PurposeKeys(
            provider_named=provider_named,
            present=present,
            seconds=settings.SECURITY.encryption.key_cache_seconds if seconds is None else seconds,
            expired=self._memory.forget_under,
            monotonic=monotonic,
        )
        self._token: UUID | None = None
        self._looked_until = 0.0

    def __len__(self) -> int:
        return len(self._memory)

    def current(self, purpose: Purpose, subject: UUID) -> DataKey:
        """The key that encrypts the subject's data now, made on first use.

        Raises KeyUnavailable, SubjectErased, and Unreadable for a stored key that was changed.
        """
        hand = self._memory.at_hand
        if self._now() < hand.until and (key := hand.live.get((purpose, subject.int))) is not None:
            return key
        self._look()
        epoch, held = self._memory.epoch, self._memory.live(purpose, subject)
        if held is None:
            held = self._current(purpose, [subject])[subject]
        return self._laid_out(held, epoch=epoch, live=True)

    def current_many(self, purpose: Purpose, subjects: Iterable[UUID]) -> dict[UUID, DataKey]:
        """The same for many subjects, in one query: by subject. Use the answer: memory may be too small for all."""
        return {subject: _data_key(held) for subject, held in self._current(purpose, list(subjects)).items()}

    def at_hand(self, key_id: bytes) -> DataKey | None:
        """The key of these 16 bytes, if it was used a moment ago; by_id() gives any."""
        hand = self._memory.at_hand
        return hand.by_id.get(key_id) if self._now() < hand.until else None

    def by_id(self, key_id: UUID) -> DataKey:
        """The key a ciphertext names. Raises KeyUnavailable, SubjectErased, UnknownKey, Unreadable."""
        self._look()
        epoch, held = self._memory.epoch, self._memory.get(key_id)
        if held is None:
            rows = store.by_ids([key_id])
            if not rows:
                raise UnknownKey
            held = self._opened(rows[0], epoch=epoch)
        return self._laid_out(held, epoch=epoch)

    def load(self, key_ids: Iterable[UUID]) -> dict[UUID, DataKey]:
        """Many keys by their ids, in one query. Those that cannot be had are absent: by_id() says why."""
        self._look()
        epoch, found, missing = self._memory.epoch, {}, []
        for key_id in set(key_ids):
            held = self._memory.get(key_id)
            if held is None:
                missing.append(key_id)
            else:
                found[key_id] = held
        opened = (self._if_opened(row, epoch) for row in (store.by_ids(missing) if missing else ()))
        found |= {held.id: held for held in opened if held is not None}
        return {key_id: key for key_id, held in found.items() if (key := self._if_usable(held)) is not None}

    def index_key(self, name: str) -> IndexKey:
        """The key of a blind index, which `name` ("app.table.column") names: of no person, so never erased."""
        subject = uuid5(_INDEXES, name)
        key = self._current(Purpose.INDEX, [subject])[subject].key
        if not isinstance(key, IndexKey):
            raise SubjectErased
        return key

    def look_again(self) -> None:
        """Before the next use, ask the database whether keys were destroyed or superseded."""
        self._looked_until = 0.0
        self._memory.clear_hand()

    def forget(self) -> None:
        """Forget every key."""
        self._memory.forget()
        self.purposes.forget()
        self.look_again()

    def _look(self) -> None:
        """Forget subject keys that may have been destroyed, and which purpose keys are live."""
        if (now := self._now()) < self._looked_until:
            return
        token = store.generation() or own_right(self.purposes.errands, store.begin_generation)
        if token != self._token:
            self._memory.forget()
            self.purposes.forget_unlike(store.check_values)
            self._token = token
        self._looked_until = now + STALE_SECONDS

    def _current(self, purpose: Purpose, subjects: list[UUID]) -> dict[UUID, Held]:
        self._look()
        found = {subject: held for subject in subjects if (held := self._memory.live(purpose, subject)) is not None}
        if missing := sorted({*subjects} - {*found}):
            epoch = self._memory.epoch
            rows = store.live(purpose, missing)
            if absent := [subject for subject in missing if subject not in rows]:
                rows |= self._made(purpose, absent)
            found |= {subject: self._opened(row, epoch=epoch, live=True) for subject, row in rows.items()}
        return {subject: self._confirmed(held) for subject, held in found.items()}

    def _made(self, purpose: Purpose, subjects: list[UUID]) -> dict[UUID, SubjectRow]:
        """New keys, stored whatever becomes of the caller's transaction; or those that others stored meanwhile."""
        for _ in range(TRIES):
            kek = self.purposes.current(purpose)
            drafts = [_draft(kek.cipher, kek.id, purpose, subject) for subject in subjects]
            rows = own_right(self.purposes.errands, lambda: _stored(kek, purpose, drafts))  # noqa: B023 (run at once)
            if len(rows) == len(subjects):
                return rows
            self.purposes.forget_current()
        raise KeyUnavailable

    def _opened(self, row: SubjectRow, *, epoch: int, live: bool = False) -> Held:
        """The key of a row, held from now on. Raises KeyUnavailable, Unreadable."""
        held = Held(row.id, row.kek_id, None)
        if row.wrapped is not None and row.kek_id is not None:
            kek = self.purposes.get(row.kek_id)
            binding = Binding(row.kek_id, row.id, row.purpose, row.subject)
            try:
                held = Held(row.id, row.kek_id, _usable(unwrap(kek.cipher, row.wrapped, binding), binding))
            except NotThisKey:
                self.purposes.errands.start(row.id, lambda: alarms.subject_key_changed(row.id))
                raise Unreadable from None
        self._memory.put(held, epoch=epoch, live=(row.purpose, row.subject) if live else None)
        return held

    def _confirmed(self, held: Held) -> Held:
        """The key, if the key service has confirmed in time what it came from. Raises KeyUnavailable."""
        if held.kek_id is not None and held.key is not None:
            self.purposes.get(held.kek_id)
        return held

    def _laid_out(self, held: Held, *, epoch: int, live: bool = False) -> DataKey:
        """The confirmed key, at hand until the database or the key service has to be asked again."""
        key = _data_key(held)
        until = min(self._looked_until, self.purposes.get(key.kek_id).good_until)
        self._memory.lay_out(key, now=self._now(), until=until, epoch=epoch, live=live)
        return key

    def _if_opened(self, row: SubjectRow, epoch: int) -> Held | None:
        try:
            return self._opened(row, epoch=epoch)
        except (KeyUnavailable, Unreadable):
            return None

    def _if_usable(self, held: Held) -> DataKey | None:
        try:
            return _data_key(self._confirmed(held))
        except (KeyUnavailable, SubjectErased, Unreadable):
            return None


def _draft(kek: AESGCM, kek_id: int, purpose: Purpose, subject: UUID) -> NewRow:
    key_id = new_id()
    return NewRow(key_id, subject, wrap(kek, new_key(), Binding(kek_id, key_id, purpose, subject)))


def _stored(kek: Kek, purpose: Purpose, drafts: list[NewRow]) -> dict[UUID, SubjectRow]:
    try:
        store.insert(kek, drafts)
    except IntegrityError as violation:
        raise translated(violation) or violation from None
    return store.live(purpose, [draft.subject for draft in drafts])


def _usable(key: bytes, binding: Binding) -> DataKey | IndexKey:
    if binding.purpose is Purpose.INDEX:
        return IndexKey(binding.dek_id, hmac.new(key, digestmod=sha256))
    return DataKey(binding.dek_id, binding.kek_id, binding.purpose, binding.subject, AESGCM(key))


def _data_key(held: Held) -> DataKey:
    if held.key is None:
        raise SubjectErased
    if not isinstance(held.key, DataKey):
        raise UnknownKey
    return held.key


_rings: list[Keyring] = []
_building = threading.Lock()


def keyring() -> Keyring:
    """This process's keyring."""
    if not _rings:
        with _building:
            if not _rings:
                _rings.append(Keyring())
    return _rings[0]


def look_again(**_: object) -> None:
    """A connection was made, perhaps to a database that was restored: look before the next use."""
    for ring in _rings:
        ring.look_again()


def _begin_anew() -> None:
    """In a forked child: its parent's threads are not here."""
    global _building  # noqa: PLW0603 (a lock that may be held by a thread which is not here)
    _building = threading.Lock()
    _rings.clear()


os.register_at_fork(after_in_child=_begin_anew)
