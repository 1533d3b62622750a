"""Verify anchors from the command line, with what has been looked at so far on the screen."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.audit.services.verifying import Verified, verify_anchors

UNSURE = 2


def positive(text: str) -> int:
    """A whole number from 1."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) == int(text)):
        raise ArgumentTypeError("a whole number from 1 is expected")
    return int(text)


class Command(BaseCommand):
    help = (
        "Fetch every anchor of the audit log from its place, by its version or transaction, and hold it against our "
        "books and the log, hashed anew. Exit status: 0 all is as it was anchored, 1 something is not (each is "
        "named), 2 nothing is wrong, but not everything could be asked."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--last", type=positive, help="only so many of the newest anchors; all if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        done = self._verify(options["last"])
        for found in done.findings:
            self.stderr.write(f"{found.fault.value}: {found.text} [{found.where}]")
        said = f"{done.anchors} anchors, {done.events} events hashed anew ({done.expired} of them by their leaf alone)"
        if done.is_tampered:
            raise CommandError(f"{said}: THE LOG OR ITS ANCHORS ARE NOT AS THEY WERE")
        if done.findings:
            raise CommandError(f"{said}: nothing is wrong, and not everything could be asked", returncode=UNSURE)
        if not done.anchors:
            raise CommandError("there is no anchor to verify with", returncode=UNSURE)
        self.stdout.write(f"{said}: as they were anchored")

    def _verify(self, last: int | None) -> Verified:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            tasks = {name: progress.add_task(name, total=None) for name in ("anchors", "events")}
            return verify_anchors(
                last=last, told=lambda what, done, total: progress.update(tasks[what], completed=done, total=total)
            )
