"""Try again what was set aside after failing too often, once its cause is mended."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core import clock, leases, relay


class Command(BaseCommand):
    help = "Queue again the work of a kind, or dispatch again the events of a topic, that was set aside."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--work", metavar="KIND", help="the work of this kind")
        what.add_argument("--events", metavar="TOPIC", help="the outbox's events of this topic")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        if options["work"]:
            number = leases.revive(kind=options["work"], now=now)
        else:
            number = relay.revive(topic=options["events"], now=now)
        self.stdout.write(f"{number} to be tried again")
