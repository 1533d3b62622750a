"""Let a halted stream of blocks go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.chain.selectors import blocks
from apps.chain.services.cursors import resume
from apps.core.actor import system_actor
from apps.core.db import unit_of_work


class Command(BaseCommand):
    help = "Let the stream of blocks go on after it halted. Find out first which of the two chains is right."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="what was found; goes into the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        stream = blocks.stream()
        if stream is None or not stream.halted:
            self.stdout.write("the stream is not halted")
            return
        with unit_of_work():
            resume(actor=system_actor(), name=blocks.STREAM, reason=options["reason"])
        self.stdout.write(f"resumed at block {stream.number}, halted by {stream.halted}")
