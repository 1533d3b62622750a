"""Whether a Celery worker consumes: for the health check of its container."""

import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.services.workers import is_alive


class Command(BaseCommand):
    help = "Exit 0 if the worker's own messages reach it through the broker (or it is busy), 1 if they do not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default=f"celery@{socket.gethostname()}", help="the worker's node name")

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_alive(worker=options["name"]):
            raise CommandError(f"{options['name']} does not consume")
        self.stdout.write(f"{options['name']} consumes")
