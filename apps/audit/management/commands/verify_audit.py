"""Verify the stored audit log from the command line, with what is done so far on the screen."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.audit.models import AuditVerification
from apps.audit.selectors.verification import verified_to
from apps.audit.services.verification import CannotVerify, verify_log
from apps.audit.types import Fault, VerificationKind
from apps.core import clock

log = logging.getLogger(__name__)

DIFFERS, CANNOT = 1, 2


class Command(BaseCommand):
    help = (
        "Recompute the audit log from what is stored (texts, leaves, tiles, heads, signatures), and keep what came of "
        "it. Without options: what is new since the last run. Exit status: 0 verified, 1 the log was changed, 2 it "
        "cannot be verified."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--full", action="store_true", help="the whole log")
        parser.add_argument("--from", type=int, dest="start", help="first index; widened to the head before it")
        parser.add_argument("--to", type=int, dest="stop", help="index it ends before; widened to the head after it")

    def handle(self, *args: Any, **options: Any) -> None:
        start, stop = options["start"], options["stop"]
        is_range = start is not None or stop is not None
        if options["full"] and is_range:
            raise CommandError("--full and a range exclude each other", returncode=CANNOT)
        try:
            if is_range:
                row = self._verify(VerificationKind.RANGE, start or 0, stop)
            elif options["full"]:
                row = self._verify(VerificationKind.FULL, 0, None)
            else:
                row = self._verify(VerificationKind.NEW, verified_to(), None)
        except CannotVerify as refusal:
            raise CommandError(str(refusal), returncode=CANNOT) from None
        except DatabaseError:
            raise CommandError("the database does not answer, or is not migrated", returncode=CANNOT) from None
        except Exception as error:
            # Python's own status 1 would say that the log was changed.
            log.exception("verification of the audit log failed")
            raise CommandError("failed, see the log; nothing is known", returncode=CANNOT) from error
        told = f"{row.stop - row.start} events, {row.start}..{row.stop - 1}" if row.stop > row.start else "nothing new"
        if row.fault:
            why = f"index {row.bad_index}: {Fault(row.fault).label} ({row.fault})"
            raise CommandError(f"THE LOG WAS CHANGED at {why}", returncode=DIFFERS)
        self.stdout.write(f"verified: {told}, as of head {row.head_size}, in {row.seconds} s")

    def _verify(self, kind: VerificationKind, start: int, stop: int | None) -> AuditVerification:
        columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("events", total=None)
            return verify_log(
                kind=kind,
                start=start,
                stop=stop,
                now=clock.now(),
                told=lambda done, total: progress.update(task, completed=done, total=total),
            )
