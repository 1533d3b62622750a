"""Development's first users, with passwords nobody chose."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.services.operators import ensure_staff_user, restore_password
from apps.accounts.types import Role
from apps.core import clock
from apps.core.devstack.layout import Home
from config.environment import profile

DEMO_USERS = {"ops": Role.OPS, "compliance": Role.COMPLIANCE}
FILE_NAME = "demo-logins.json"


class Command(BaseCommand):
    help = (
        "Development only: create the platform's party and the users ops (OPS) and compliance (COMPLIANCE). Their "
        f"generated passwords are kept in .local/<profile>/{FILE_NAME}, readable by you alone. Safe to repeat."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("Refused: bootstrap_demo is for development. In production use create_operator.")
        file = _logins_file()
        logins = _logins(file)  # those of the demo's own users stand there too, once it has run
        for username, role in DEMO_USERS.items():
            login = logins[username]
            if not ensure_staff_user(username=username, password=login["password"], role=role, now=clock.now()):
                restore_password(username=username, password=login["password"])
        self.stdout.write(f"Demo logins: {file}")


def _logins_file() -> Path:
    home = Home.of(profile())
    home.create()
    return home.folder / FILE_NAME


def _logins(file: Path) -> dict[str, dict[str, str]]:
    """The logins of the file, written first if it is not there."""
    if not file.exists():
        made = {
            name: {"username": name, "password": secrets.token_urlsafe(24), "role": role.value}
            for name, role in DEMO_USERS.items()
        }
        _write_private(file, json.dumps(made, indent=2) + "\n")
    found: dict[str, dict[str, str]] = json.loads(file.read_text())
    return found


def _write_private(file: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    new = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    new.replace(file)
