"""Open purpose keys: for as long as the key service has confirmed them, asked again before that is over."""

import hmac
import logging
import threading
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import Future

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.vault.errors import KeyUnavailable, UnknownKey
from apps.vault.keys import alarms, store
from apps.vault.keys.errands import WAIT_SECONDS, Errands
from apps.vault.keys.memory import Kek
from apps.vault.keys.store import PurposeRow
from apps.vault.keys.wrapping import KEY, check_value
from apps.vault.kms import Disagreement, KeyProvider, ProviderDown, ProviderError, context_of
from apps.vault.types import Purpose

log = logging.getLogger(__name__)

# After a failure the key service is left alone for so long; meanwhile what needs it fails at once.
HOLD_OFF_SECONDS = 1.0
# A key that is still good is asked for again this often, once half its time is over.
REFRESH_SECONDS = 5.0


class PurposeKeys:
    """Those of one process. `expired` is told which have ended, so that nothing they opened outlives them."""

    def __init__(
        self,
        *,
        provider_named: Callable[[str], KeyProvider],
        present: Callable[[], str],
        seconds: float,
        expired: Callable[[Collection[int]], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider_named, self._present, self._seconds = provider_named, present, seconds
        self._expired, self._now = expired, monotonic
        self._keks: dict[int, Kek] = {}
        self._live: dict[Purpose, int] = {}
        self._refused: dict[Hashable, tuple[float, int | None]] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self.errands = Errands()

    def get(self, kek_id: int) -> Kek:
        """The purpose key, confirmed within the allowed time. Raises KeyUnavailable, UnknownKey."""
        kek, now = self._keks.get(kek_id), self._now()
        if kek is None or now >= kek.good_until:
            return self._wait_for(kek_id, lambda: self._open(kek_id))
        if now >= kek.refresh_at:
            kek.refresh_at = now + REFRESH_SECONDS
            self.errands.start(kek_id, lambda: self._open(kek_id)).add_done_callback(_noted)
        return kek

    def current(self, purpose: Purpose) -> Kek:
        """The one that wraps now, made if there is none. Raises KeyUnavailable."""
        kek_id = self._live.get(purpose)
        if kek_id is not None:
            return self.get(kek_id)
        kek = self._wait_for(purpose, lambda: self._reopened(store.live_purpose_key(purpose) or self._made(purpose)))
        self._live[purpose] = kek.id
        return kek

    def forget_current(self) -> None:
        """Ask again which keys wrap: one may have been retired."""
        self._live.clear()

    def forget_unlike(self, check_values: Callable[[Collection[int]], Mapping[int, bytes]]) -> None:
        """Keep the keys that are in the database as they are here: it may be another, or one restored."""
        self._live.clear()
        if not (held := dict(self._keks)):
            return
        stored = check_values(list(held))
        gone = {kek_id for kek_id, kek in held.items() if stored.get(kek_id) != kek.check_value}
        with self._lock:
            for kek_id in gone:
                self._keks.pop(kek_id, None)
        self._expired(gone)

    def forget(self) -> None:
        """Forget every key."""
        with self._lock:
            gone, self._keks = set(self._keks), {}
            self._live.clear()
            self._refused.clear()
        self._expired(gone)

    def ages(self) -> dict[Purpose, float]:
        """Seconds since the key service confirmed each purpose's youngest open key."""
        now = self._now()
        found: dict[Purpose, float] = {}
        for kek in list(self._keks.values()):
            age = now - (kek.good_until - self._seconds)
            found[kek.purpose] = min(age, found.get(kek.purpose, age))
        return found

    def _wait_for(self, name: Hashable, errand: Callable[[], Kek]) -> Kek:
        until, retry_after = self._refused.get(name, (0.0, None))
        if self._now() < until:
            raise _unavailable(retry_after)
        try:
            return self.errands.start(name, errand).result(WAIT_SECONDS)
        except ProviderError as error:
            self._refused[name] = (self._now() + HOLD_OFF_SECONDS, error.retry_after)
            raise _unavailable(error.retry_after) from None
        except TimeoutError:
            raise _unavailable(None) from None

    def _open(self, kek_id: int) -> Kek:
        row = store.purpose_key(kek_id)
        if row is None:
            raise UnknownKey
        return self._open_row(row)

    def _reopened(self, row: PurposeRow) -> Kek:
        """The row's key: without the key service, if it is open here and the row is as it was."""
        kek = self._keks.get(row.id)
        if kek is not None and kek.check_value == row.check_value and self._now() < kek.good_until:
            return kek
        return self._open_row(row)

    def _open_row(self, row: PurposeRow) -> Kek:
        began = self._now()
        try:
            kek = self._confirmed(row, self._unwrapped(row), began)
        except ProviderError as error:
            alarms.purpose_key_failed(row.purpose, row.id, error)
            raise
        alarms.purpose_key_opened(row.purpose)
        return kek

    def _unwrapped(self, row: PurposeRow) -> bytes:
        provider = self._provider_named(row.provider)
        plain = provider.unwrap(row.wrapped, provider_key=row.provider_key, context=context_of(row.purpose))
        if len(plain) != KEY or not hmac.compare_digest(check_value(plain, row.purpose), row.check_value):
            raise Disagreement("another_key")
        return plain

    def _made(self, purpose: Purpose) -> PurposeRow:
        """A new purpose key, stored; or the one that somebody else stored meanwhile."""
        try:
            store.insert_purpose_key(self.drafted(purpose))
        except ProviderError as error:
            alarms.purpose_key_failed(purpose, None, error)
            raise
        row = store.live_purpose_key(purpose)
        if row is None:
            raise ProviderDown("retired_meanwhile")
        return row

    def drafted(self, purpose: Purpose) -> PurposeRow:
        """A new key, not stored yet, which the service has shown to open again. Raises ProviderError."""
        name, context = self._present(), context_of(purpose)
        provider = self._provider_named(name)
        new = provider.generate(context)
        again = provider.unwrap(new.wrapped, provider_key=new.provider_key, context=context)
        if len(again) != KEY or not hmac.compare_digest(again, new.plain):
            raise Disagreement("another_key")
        return PurposeRow(0, purpose, name, new.provider_key, new.wrapped, check_value(new.plain, purpose))

    def _confirmed(self, row: PurposeRow, plain: bytes, began: float) -> Kek:
        """The open key; its time counts from before the service was asked."""
        with self._lock:
            kek = self._keks.get(row.id)
            # Another key of the same id was another database's.
            if kek is None or kek.check_value != row.check_value:
                kek = self._keks[row.id] = Kek(row.id, row.purpose, AESGCM(plain), row.check_value)
            kek.good_until, kek.refresh_at = began + self._seconds, began + self._seconds / 2
            if self._timer is None:
                self._begin_timer(self._seconds)
        return kek

    def _begin_timer(self, seconds: float) -> None:
        self._timer = threading.Timer(max(seconds, HOLD_OFF_SECONDS), self._purge)
        self._timer.daemon = True
        self._timer.start()

    def _purge(self) -> None:
        """Let go of what has ended, also where nobody asks for keys any more."""
        with self._lock:
            now = self._now()
            gone = {kek.id for kek in self._keks.values() if now >= kek.good_until}
            for kek_id in gone:
                del self._keks[kek_id]
            self._timer = None
            if self._keks:
                self._begin_timer(min(kek.good_until for kek in self._keks.values()) - now)
        self._expired(gone)


def _unavailable(retry_after: int | None) -> KeyUnavailable:
    refusal = KeyUnavailable()
    if retry_after is not None:
        refusal.retry_after = retry_after
    return refusal


def _noted(future: "Future[Kek]") -> None:
    """A refresh in the background that failed: the key serves on while its time lasts."""
    if error := future.exception():
        log.warning("purpose key not refreshed", extra={"error": type(error).__name__})
