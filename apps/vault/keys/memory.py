"""Subject keys that are open in this process: a bounded number, the least used forgotten first."""

import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.vault.keys.data_keys import DataKey, IndexKey
from apps.vault.types import Purpose


@dataclass(slots=True, eq=False)
class Kek:
    """An open purpose key. Times are of time.monotonic: until when it may be used, and when to ask again."""

    id: int
    purpose: Purpose
    cipher: AESGCM = field(repr=False)
    check_value: bytes = field(repr=False)
    good_until: float = 0.0
    refresh_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """A subject key, and the purpose key it came from; `key` is None for one that was destroyed."""

    id: UUID
    kek_id: int | None
    key: DataKey | IndexKey | None


@dataclass(slots=True)
class AtHand:
    """Keys that were found usable, to be used without another look until the time `until` (of time.monotonic)."""

    until: float
    by_id: dict[bytes, DataKey] = field(default_factory=dict, repr=False)
    live: dict[tuple[Purpose, int], DataKey] = field(default_factory=dict, repr=False)


class Memory:
    """What is held, by id and (if it encrypts now) by purpose and subject.

    Looked up by the ids' integers: Python hashes and compares those far faster than UUIDs.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[int, Held] = OrderedDict()
        self._live: dict[tuple[Purpose, int], int] = {}
        self._places: dict[int, tuple[Purpose, int]] = {}
        self._lock = threading.Lock()
        self.epoch = 0
        self.at_hand = AtHand(0.0)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key_id: UUID) -> Held | None:
        """By its id."""
        return self._get(key_id.int)

    def live(self, purpose: Purpose, subject: UUID) -> Held | None:
        """The one that encrypts now."""
        key = self._live.get((purpose, subject.int))
        return None if key is None else self._get(key)

    def _get(self, key: int) -> Held | None:
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
            return held

    def put(self, held: Held, *, epoch: int, live: tuple[Purpose, UUID] | None = None) -> None:
        """Hold it, unless all was forgotten since `epoch`: it may have been read before what made us forget."""
        with self._lock:
            if epoch != self.epoch:
                return
            key = held.id.int
            self._held[key] = held
            self._held.move_to_end(key)
            if live is not None:
                place = (live[0], live[1].int)
                if self._live.get(place) not in {None, key}:
                    self.at_hand = AtHand(0.0)
                self._live[place], self._places[key] = key, place
            while len(self._held) > self._capacity:
                self._drop(next(iter(self._held)))

    def lay_out(self, key: DataKey, *, now: float, until: float, epoch: int, live: bool) -> None:
        """Have it at hand until then, unless all was forgotten since `epoch`."""
        with self._lock:
            if epoch != self.epoch:
                return
            # As long as the first of them: one moment to look at, whichever is asked for.
            if now >= self.at_hand.until or len(self.at_hand.by_id) >= self._capacity:
                self.at_hand = AtHand(until)
            self.at_hand.until = min(self.at_hand.until, until)
            self.at_hand.by_id[key.id.int.to_bytes(16, "big")] = key
            if live:
                self.at_hand.live[key.purpose, key.subject.int] = key

    def clear_hand(self) -> None:
        """Have nothing at hand: each key is looked for again."""
        with self._lock:
            self.at_hand = AtHand(0.0)

    def forget(self) -> None:
        """Forget all, and what is being read at this moment."""
        with self._lock:
            self.epoch += 1
            self.at_hand = AtHand(0.0)
            self._held.clear()
            self._live.clear()
            self._places.clear()

    def forget_under(self, kek_ids: Collection[int]) -> None:
        """Forget the keys that these purpose keys opened."""
        with self._lock:
            self.at_hand = AtHand(0.0)
            for key in [key for key, held in self._held.items() if held.kek_id in kek_ids]:
                self._drop(key)

    def _drop(self, key: int) -> None:
        self._held.pop(key)
        place = self._places.pop(key, None)
        if place is not None and self._live.get(place) == key:
            del self._live[place]
