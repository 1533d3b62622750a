"""Rotate keys from the command line, with what it has done so far on the screen."""

import time
from typing import Any, Self

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.core import clock
from apps.vault.errors import KeyUnavailable, NothingToRotate, RotationTaken
from apps.vault.models import PurposeKey
from apps.vault.rotation.stages import GRACE
from apps.vault.selectors.rotation import RotationView
from apps.vault.services.rotation import due, rotate_keys
from apps.vault.types import Purpose, RotationState

LINE_SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Give a purpose (or all) a new key, its subjects new keys, and encrypt its rows anew; or go on with a rotation "
        "that was cut short. Exit status: 0 done or waiting for its grace, 1 not rotated: nothing has changed."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--purpose", choices=[str(each) for each in Purpose], help="this one; all if left out")
        parser.add_argument("--only-due", action="store_true", help="only what is old enough, or was begun")
        rows = parser.add_mutually_exclusive_group()
        rows.add_argument("--rows", action="store_true", default=True, help="new keys for rows too (the default)")
        rows.add_argument("--no-rows", action="store_false", dest="rows", help="only wrap subjects' keys anew")

    def handle(self, *args: Any, **options: Any) -> None:
        purposes = self._purposes(options["purpose"], only_due=options["only_due"])
        if not purposes:
            self.stdout.write("No key is due.")
        refused = [purpose for purpose in purposes if not self._rotate(purpose, with_rows=options["rows"])]
        if refused:
            raise CommandError(f"not rotated: {', '.join(refused)}")

    def _purposes(self, named: str | None, *, only_due: bool) -> list[Purpose]:
        live = PurposeKey.objects.filter(retired_at=None).values_list("purpose", flat=True)
        wanted = [Purpose(named)] if named else sorted(map(Purpose, live))
        return [purpose for purpose in wanted if purpose in due(now=clock.now())] if only_due else wanted

    def _rotate(self, purpose: Purpose, *, with_rows: bool) -> bool:
        shown = Shown(Console(highlight=False, soft_wrap=True), purpose)
        try:
            with shown:
                view = rotate_keys(purpose=purpose, now=clock.now(), with_rows=with_rows, told=shown.tell)
        except (KeyUnavailable, NothingToRotate, RotationTaken) as refusal:
            self.stderr.write(f"{purpose}: {refusal.message}")
            return False
        self.stdout.write(_summary(view))
        return True


class Shown:
    """A bar on a terminal; elsewhere a line every two seconds."""

    def __init__(self, console: Console, purpose: Purpose) -> None:
        self._console, self._purpose = console, purpose
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(str(purpose), total=None, rate="")
        self._stage: tuple[str, int] = ("", 0)
        self._began, self._began_with, self._told_at = time.monotonic(), 0, 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, view: RotationView) -> None:
        """Show how far it has come."""
        now, stage = time.monotonic(), (view.state.label, view.turn)
        if stage != self._stage:
            self._stage, self._began, self._began_with = stage, now, view.done
            self._bar.reset(self._task, total=view.total or None)
        rate = (view.done - self._began_with) / max(now - self._began, 1e-3)
        words = f"{self._purpose}: {view.state.label}" + (f", turn {view.turn}" if view.turn > 1 else "")
        total = view.total or None
        self._bar.update(self._task, description=words, completed=view.done, total=total, rate=f"{rate:,.0f}/s")
        if not self._console.is_terminal and now - self._told_at >= LINE_SECONDS:
            self._told_at = now
            left = f", {(view.total - view.done) / rate:,.0f} s left" if rate > 1 else ""
            self._console.print(f"{words}: {view.done:,} of {view.total:,}, {rate:,.0f}/s{left}")


def _summary(view: RotationView) -> str:
    said = f"{view.purpose}: {view.keys:,} subjects' keys wrapped anew, {view.rewritten:,} values encrypted anew"
    if view.keys_unreadable or view.unreadable:
        said += f", {view.keys_unreadable:,} keys and {view.unreadable:,} values DO NOT OPEN (see the alerts)"
    if view.state is RotationState.DONE:
        return f"{said}, {view.keys_destroyed:,} former keys destroyed, {view.keys_kept:,} kept. Done."
    if view.state is RotationState.GRACE and view.emptied_at:
        return f"{said}. Former keys are destroyed after {view.emptied_at + GRACE:%H:%M} UTC, by the schedule."
    return f"{said}. It goes on at the next wake-up."
