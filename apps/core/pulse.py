"""A worker's pulse: it sends itself a task through the broker, and ends itself when those no longer arrive.

A worker may live on and consume nothing after its broker was reset. Then only what went through the broker tells;
a supervisor starts an ended process again, and leases give its work to the next.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

from celery import Celery
from django.db import DatabaseError, InterfaceError, connections
from kombu import Exchange, Queue

from apps.core.messages import BrokerUnavailable, send
from apps.core.services import workers

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
SILENT_SECONDS = 30.0
TASK = "core.tasks.beat_heart"


def own_queue(worker: str) -> Queue:
    """The queue that only this worker consumes; it goes with the worker."""
    name = f"heart.{worker}"
    exchange = Exchange("heart", type="direct", durable=True)
    arguments = {"x-expires": 120_000}
    return Queue(name, exchange, routing_key=name, auto_delete=True, durable=True, queue_arguments=arguments)


class Pulse(threading.Thread):
    """Beats until the process ends. `is_full()` tells that no hand is free to take a task; `end()` ends the worker."""

    def __init__(self, app: Celery, worker: str, is_full: Callable[[], bool], end: Callable[[], None]) -> None:
        super().__init__(name="pulse", daemon=True)
        self._app, self._worker, self._is_full, self._end = app, worker, is_full, end
        self._queue, self._pid = own_queue(worker), os.getpid()
        self._last: object = None
        self._heard = time.monotonic()

    def run(self) -> None:
        """Beat, listen, and end the worker when it is silent though nothing keeps it from beating."""
        while True:
            try:
                self._send()
                self._listen()
            except (DatabaseError, InterfaceError, BrokerUnavailable) as error:
                # Without a broker or a database no worker works: that is nothing a new process would mend.
                log.warning("no pulse can be taken", extra={"error": type(error).__name__})
                self._heard = time.monotonic()
            finally:
                connections.close_all()
            if time.monotonic() - self._heard > SILENT_SECONDS:
                log.critical("the worker no longer consumes: ending it", extra={"worker": self._worker})
                self._end()
            time.sleep(BEAT_SECONDS)

    def _send(self) -> None:
        arguments = {"worker": self._worker, "pid": self._pid}
        send(self._app, TASK, queue=self._queue.name, expires=SILENT_SECONDS, arguments=arguments)

    def _listen(self) -> None:
        if self._is_full():
            workers.note_busy(worker=self._worker, pid=self._pid)
            self._heard = time.monotonic()
        elif (beat := workers.last_beat(worker=self._worker, pid=self._pid)) != self._last:
            self._last, self._heard = beat, time.monotonic()
