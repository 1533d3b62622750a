"""Waiting for the matcher: one LISTEN connection a process, woken by command id; nothing polls per request."""

import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

from django.db.utils import Error

from apps.core.db import Listener
from apps.dex.selectors import commands
from apps.dex.types import CommandReceipt

log = logging.getLogger(__name__)

CHANNEL = "dex_verdict"
# A payload of NOTIFY is at most 8,000 bytes.
IDS_PER_NOTICE = 400


class VerdictWaiter:
    """Hands each waiting request its wake-up.

    The listening thread starts with the first who waits and ends when its connection does; the next who waits
    starts another. A notice that is missed costs patience, never an answer: the verdict is read from its row.
    """

    _of: ClassVar[dict[int, "VerdictWaiter"]] = {}

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._awaited: Counter[int] = Counter()
        self._noticed: set[int] = set()
        self._thread: threading.Thread | None = None

    @classmethod
    def of_process(cls) -> "VerdictWaiter":
        """This process's waiter; a forked child makes its own."""
        pid = os.getpid()
        if pid not in cls._of:
            cls._of[pid] = cls()
        return cls._of[pid]

    def decided(self, receipt: CommandReceipt, seconds: float) -> CommandReceipt:
        """The receipt with its verdict, if there is one within `seconds`."""
        if receipt.decided:
            return receipt
        with self._awaiting(receipt.command_id):
            if (found := _read(receipt)).decided:
                return found
            with self._changed:
                self._changed.wait_for(lambda: receipt.command_id in self._noticed, seconds)
            return _read(receipt)

    @contextmanager
    def _awaiting(self, command_id: int) -> Iterator[None]:
        """Notices of this command are kept from here on, so a verdict is either in its row or noticed."""
        with self._changed:
            self._ensure_listening()
            self._awaited[command_id] += 1
        try:
            yield
        finally:
            with self._changed:
                self._awaited[command_id] -= 1
                if not self._awaited[command_id]:
                    del self._awaited[command_id]
                    self._noticed.discard(command_id)

    def _ensure_listening(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        try:
            listener = Listener(CHANNEL)
        except Error:
            log.warning("verdicts cannot be listened for; requests wait out their patience")
            return
        self._thread = threading.Thread(target=self._listen, args=(listener,), name="dex-verdicts", daemon=True)
        self._thread.start()

    def _listen(self, listener: Listener) -> None:
        try:
            with listener:
                while True:
                    for _, payload in listener.wait(30):
                        self._note(payload)
        except Error:
            log.warning("verdict notices interrupted")

    def _note(self, payload: str) -> None:
        numbers = {int(number) for number in payload.split(",") if number}
        with self._changed:
            if noticed := numbers & self._awaited.keys():
                self._noticed |= noticed
                self._changed.notify_all()


def _read(receipt: CommandReceipt) -> CommandReceipt:
    found = commands.verdicts([receipt.command_id])
    if receipt.command_id not in found:
        return receipt
    return replace(receipt, decided=True, code=found[receipt.command_id])
