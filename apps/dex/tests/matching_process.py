"""A matcher in a process of its own, forked from one that has loaded the product and none of the tests.

It looks through all its memory for garbage when it begins to lead: in a fork of the tests' process that took longer
than all that it decides.
"""

import multiprocessing
import os
import time
from multiprocessing.process import BaseProcess

from django.db import connections

import apps.core.testing.ready  # noqa: F401 (before the models)
from apps.core import clock
from apps.core.daemon import elect
from apps.dex.engines import matcher as engine

server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload([__name__])


def started(*, port: int, batch: int) -> BaseProcess:
    """A matcher that is connected to this process's database through `port`."""
    process = server.Process(target=_run, args=(connections.settings["default"]["NAME"], port, batch), daemon=True)
    process.start()
    return process


def _run(database: str, port: int, batch: int) -> None:
    """Decide all that waits, and end."""
    for settings in connections.settings.values():
        settings["NAME"] = database
    connections.settings["default"].update(HOST="127.0.0.1", PORT=port)
    engine.BATCH = batch
    while (leadership := elect("matcher")) is None:
        time.sleep(0.01)
    matcher = engine.Matcher()
    matcher.lead(leadership)
    while matcher.step(leadership, clock.now()):
        pass
    os._exit(0)
