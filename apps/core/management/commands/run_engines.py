"""Host the engines: all of them, or by name."""

import os
import signal
import sys
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.daemon import run_engine
from apps.core.registry import registry

SWITCH_SECONDS = 0.0005


class Command(BaseCommand):
    help = "Run engines (matcher, ingester, sender, relay, ...) until interrupted: all, or those named."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="engines to run; none named means all")
        parser.add_argument("--without", action="append", default=[], help="an engine to leave out")
        parser.add_argument(
            "--nice",
            type=int,
            choices=range(20),
            default=0,
            metavar="0-19",
            help="let processes that someone waits for go before, on a machine they share",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = self._names(options["names"], options["without"])
        os.nice(options["nice"])
        # Engines wait on the database most of the time: each answer waits for the interpreter at most this long.
        sys.setswitchinterval(SWITCH_SECONDS)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        threads = [
            threading.Thread(target=run_engine, args=(registry.engines[name](), stop), name=name) for name in names
        ]
        for thread in threads:
            thread.start()
        self.stdout.write(f"engines running: {', '.join(names)}")
        while not stop.wait(0.5):
            if dead := [thread.name for thread in threads if not thread.is_alive()]:
                stop.set()
                raise CommandError(f"engine threads ended: {', '.join(dead)}")
        for thread in threads:
            thread.join()

    def _names(self, named: list[str], without: list[str]) -> list[str]:
        known = set(registry.engines)
        if unknown := {*named, *without} - known:
            raise CommandError(f"no such engine: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(known))}")
        return sorted((set(named) or known) - set(without))
