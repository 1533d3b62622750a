"""Expire events of the audit log from the command line, or look what would, with what is done so far on the screen."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from apps.audit.errors import ExpiryTaken
from apps.audit.services.expiry import expire_events, look_ahead
from apps.audit.types import Standing
from apps.core import clock


class Command(BaseCommand):
    help = (
        "Remove the events of the audit log that are past the period of their class, exported, anchored and under no "
        "legal hold; what remains is proven as before. Ended at any moment, it goes on when run again. Exit status: 0 "
        "it went through the log, 1 another process is at it."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and why the rest stays")

    def handle(self, *args: Any, **options: Any) -> None:
        columns = (TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("looking", total=None)

            def tell(looked_at: int, removed: int = 0) -> None:
                words = f"{looked_at:,} events looked at, {removed:,} removed"
                progress.update(task, description=words, completed=looked_at)

            if options["dry_run"]:
                self._look(tell)
            else:
                self._expire(tell)

    def _look(self, tell: Any) -> None:
        found = look_ahead(told=tell)
        for (record_class, standing), count in sorted(found.items()):
            self.stdout.write(f"{count:>12,}  {record_class}: {Standing(standing).label}")
        ready = sum(count for (_, standing), count in found.items() if standing == Standing.READY)
        self.stdout.write(f"{ready:,} events would expire. Nothing was changed.")

    def _expire(self, tell: Any) -> None:
        try:
            done = expire_events(now=clock.now(), anew=True, told=lambda so_far: tell(so_far.looked_at, so_far.removed))
        except ExpiryTaken as refusal:
            raise CommandError(refusal.message) from None
        for standing, count in sorted(done.staying.items()):
            self.stdout.write(f"{count:>12,}  {Standing(standing).label}")
        self.stdout.write(f"{done.removed:,} events expired.")
