"""Write the personal values of events, with what proves them, into a file for the offline verifier."""

import getpass
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit.services.disclosure import disclose, disclosure_file
from apps.core.actor import Actor, system_actor
from apps.core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Write the personal values of events of the audit log (address, user agent) with their salts into a new file, "
        "which apps/audit/verifier.py takes as --disclosure. It is recorded before the file is written. Exit status: 0 "
        "written, 1 refused: there is no file then."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("events", type=int, nargs="+", metavar="EVENT", help="an event's number (its id)")
        parser.add_argument("--out", type=Path, required=True, help="a file that does not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["out"]
        try:
            target.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise CommandError(f"{target}: {error.strerror}") from None
        try:
            target.write_bytes(disclosure_file(disclose(actor=_caller(), events=options["events"])))
        except BaseException as error:
            target.unlink()
            if isinstance(error, DomainError):
                raise CommandError(error.message) from None
            raise
        self.stdout.write(f"{target} is written, and recorded as audit.disclosed")


def _caller() -> Actor:
    """The system; in the place of the request stands who runs the command, as the machine knows them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return system_actor(f"os:{name}"[:64])
