"""As whom PostgreSQL runs: it refuses user 0, so root needs somebody else.

Tried in this order for root: `nobody`, where it can reach the programs and the data; else a user namespace in which
root is user 1000 (a checkout below a private home folder).
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.core.devstack.errors import DevstackError

SELF, NOBODY, NAMESPACE = "self", "nobody", "namespace"
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def choose(program: Path, folder: Path) -> str:
    """Return as whom to run the program on an empty folder, which is handed to that user."""
    if os.geteuid() != 0:
        return SELF
    if _works(NOBODY, program, folder):
        return NOBODY
    _give(folder, 0, 0)
    if _works(NAMESPACE, program, folder):
        return NAMESPACE
    raise DevstackError(
        "PostgreSQL refuses to run as root, and neither the user `nobody` nor a user namespace works here: "
        "run as an ordinary user, or set DATABASE_URL and DATABASE_OWNER_URL"
    )


def command(who: str, argv: Sequence[str]) -> list[str]:
    """Return the command line that runs the program as that user."""
    return [*(_NAMESPACE if who == NAMESPACE else ()), *argv]


def options(who: str) -> dict[str, Any]:
    """Return the matching keyword arguments of subprocess."""
    if who != NOBODY:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _works(who: str, program: Path, folder: Path) -> bool:
    try:
        if who == NOBODY:
            nobody = pwd.getpwnam("nobody")
            _give(folder, nobody.pw_uid, nobody.pw_gid)
        for probe in ([str(program), "--version"], ["test", "-w", str(folder)]):
            subprocess.run(command(who, probe), check=True, capture_output=True, cwd="/", **options(who))
    except (OSError, KeyError, subprocess.SubprocessError):
        return False
    return True


def _give(folder: Path, user: int, group: int) -> None:
    os.chown(folder, user, group)
