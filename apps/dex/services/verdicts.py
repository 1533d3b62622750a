"""Waiting for the matcher: one LISTEN connection a process, woken by command id; nothing polls per request."""

import logging
import os
import threading
import time
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from django.db.utils import Error

from apps.core.db import Listener
from apps.dex.selectors import commands
from apps.dex.types import CommandReceipt

log = logging.getLogger(__name__)

CHANNEL = "dex_verdict"
# A payload of NOTIFY is at most 8,000 bytes.
IDS_PER_NOTICE = 400
# Commands whose notice came before their request asked for it: far more than are decided in that time.
REMEMBERED = 10_000
# A command that is asked for was queued within so long: longer than a request may last from its commit to here.
SETTLED_SECONDS = 30.0


class VerdictWaiter:
    """Hands each waiting request its wake-up.

    The listening thread starts with the first who waits and ends when its connection does; the next who waits
    starts another. A notice that is missed costs patience, never an answer: the verdict is read from its row.
    """

    _of: ClassVar[dict[int, "VerdictWaiter"]] = {}

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._noticed: dict[int, None] = {}
        self._thread: threading.Thread | None = None
        self._listening_since = 0.0

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
        with self._changed:
            self._ensure_listening()
            began = self._listening_since
        # What was decided before this process listened is in its row, and nowhere else.
        if time.monotonic() - began < SETTLED_SECONDS and (found := _read(receipt)).decided:
            return found
        return self._noticed_within(receipt, seconds)

    def _noticed_within(self, receipt: CommandReceipt, seconds: float) -> CommandReceipt:
        end = time.monotonic() + seconds
        while True:
            with self._changed:
                noticed = self._changed.wait_for(
                    lambda: receipt.command_id in self._noticed, max(0.0, end - time.monotonic())
                )
            if (found := _read(receipt)).decided or not noticed:
                return found
            with self._changed:  # that notice was of another database, before this one was restored
                self._noticed.pop(receipt.command_id, None)

    def _ensure_listening(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        try:
            listener = Listener(CHANNEL)
        except Error:
            log.warning("verdicts cannot be listened for; requests wait out their patience")
            return
        self._listening_since = time.monotonic()
        self._noticed.clear()
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
        numbers = [int(number) for number in payload.split(",") if number]
        with self._changed:
            self._noticed.update(dict.fromkeys(numbers))
            for oldest in list(islice(self._noticed, max(0, len(self._noticed) - REMEMBERED))):
                del self._noticed[oldest]
            self._changed.notify_all()


def _read(receipt: CommandReceipt) -> CommandReceipt:
    found = commands.verdicts([receipt.command_id])
    if receipt.command_id not in found:
        return receipt
    return replace(receipt, decided=True, code=found[receipt.command_id])
