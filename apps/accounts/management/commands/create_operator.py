"""Create the platform's party and an operator to log in as."""

import os
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.services.operators import ensure_staff_user
from apps.core import clock
from apps.core.errors import DomainError

PASSWORD_VARIABLE = "BOOKENTRY_OPERATOR_PASSWORD"  # noqa: S105 (the name of a variable)


class Command(BaseCommand):
    help = (
        "Create the platform's party and a user with role OPS, who then adds all others over the API. "
        f"The password comes from {PASSWORD_VARIABLE} or a prompt. An existing operator is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        try:
            made = ensure_staff_user(username=username, password=_password(), now=clock.now())
        except DomainError as refusal:
            reasons = refusal.context.get("reasons", [])
            raise CommandError(" ".join([refusal.message, *reasons])) from refusal
        self.stdout.write(f"Operator {username} created." if made else f"Operator {username} exists: left alone.")


def _password() -> str:
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    password = getpass("Password: ")
    if password != getpass("Again: "):
        raise CommandError("The two passwords differ.")
    return password
