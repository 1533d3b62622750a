"""Write a bundle of the audit log from the command line, with what it has done so far on the screen."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.audit.services.bundles import CannotExport, Exported, export_bundle, places_between
from apps.audit.services.exports import NotVerified, record_export
from apps.core import clock
from apps.core.actor import system_actor

INTERRUPTED = 130


def place(text: str) -> int | datetime:
    """An index, or a day or instant of ISO 8601 (UTC where it names no zone)."""
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an index nor a time of ISO 8601") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = (
        "Write the events of a range of the audit log, with what proves them, into a new directory that "
        "apps/audit/verifier.py verifies offline. If it does, the export is put on record: events expire only if they "
        "are in one. Exit status: 0 written, 1 not written, 130 interrupted: there is no directory then."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", type=place, dest="since", help="first index, or time; the beginning if left out")
        parser.add_argument("--to", type=place, dest="until", help="index or time it ends before; the last head if not")
        parser.add_argument("--out", type=Path, required=True, help="a directory that does not exist yet")
        say = "refuse while any event waits for its place in the log or for a signed head: nothing is left out"
        parser.add_argument("--complete", action="store_true", help=say)
        parser.add_argument("--place", default="", help="where it will be kept, for the record; else the directory")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            start, stop = self._range(options["since"], options["until"])
            done = self._export(options["out"], start, stop, complete=options["complete"])
        except CannotExport as refusal:
            raise CommandError(str(refusal)) from None
        except KeyboardInterrupt:
            raise CommandError("interrupted: nothing is left of it", returncode=INTERRUPTED) from None
        for index, why in done.doubtful[:20]:
            self.stderr.write(f"index {index}: {why}")
        if len(done.doubtful) > 20:
            self.stderr.write(f"and {len(done.doubtful) - 20} more")
        self._record(done, options["out"], options["place"])
        held = f"{done.start}..{done.stop - 1}" if done.stop > done.start else "no range"
        self.stdout.write(f"{done.stop - done.start} events, {held}, as of head {done.size}")

    def _record(self, done: Exported, folder: Path, place: str) -> None:
        if done.stop == done.start:
            return
        try:
            record_export(actor=system_actor(), folder=folder, exported=done, place=place)
        except NotVerified as refusal:
            self.stderr.write(f"not put on record: {refusal}")

    def _range(self, since: int | datetime | None, until: int | datetime | None) -> tuple[int, int | None]:
        if isinstance(since, datetime) or isinstance(until, datetime):
            if isinstance(since, int) or isinstance(until, int):
                raise CannotExport("--from and --to are both indexes or both times")
            return places_between(since=since, until=until)
        return since or 0, until

    def _export(self, folder: Path, start: int, stop: int | None, *, complete: bool) -> Exported:
        columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("events", total=None)
            tenths = 0

            def tell(done: int, total: int) -> None:
                nonlocal tenths
                progress.update(task, completed=done, total=total)
                if not console.is_terminal and 10 * done // total > tenths:
                    tenths = 10 * done // total
                    self.stderr.write(f"{done} of {total} events", style_func=str)

            return export_bundle(folder=folder, start=start, stop=stop, now=clock.now(), complete=complete, told=tell)
