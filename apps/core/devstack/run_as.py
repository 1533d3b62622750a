"""As whom PostgreSQL runs: it refuses user 0, and initdb refuses a user without a name in /etc/passwd.

Tried in this order for root: `nobody`, where it can reach the programs and the data (not in a checkout below a
private home folder); else a user namespace in which the caller bears the name of `nobody`. The namespace also serves
a caller without a name (a container run with a bare user number).
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.core.devstack.errors import DevstackError

SELF, NOBODY, NAMESPACE = "self", "nobody", "namespace"


def choose(program: Path, folder: Path) -> str:
    """Return as whom to run the program on an empty folder, which is handed to that user."""
    is_root = os.geteuid() == 0
    for who in (NOBODY, NAMESPACE) if is_root else (SELF, NAMESPACE):
        if _works(who, program, folder):
            return who
    problem = "refuses to run as root" if is_root else f"needs a name in /etc/passwd for user {os.geteuid()}"
    raise DevstackError(
        f"PostgreSQL {problem}, and nothing else works here (the user `nobody`, a user namespace): "
        "run as an ordinary user, or set DATABASE_URL and DATABASE_OWNER_URL"
    )


def command(who: str, argv: Sequence[str]) -> list[str]:
    """Return the command line that runs the program as that user."""
    if who != NAMESPACE:
        return list(argv)
    nobody = pwd.getpwnam("nobody")
    return ["unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", *argv]


def options(who: str) -> dict[str, Any]:
    """Return the matching keyword arguments of subprocess."""
    if who != NOBODY:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _works(who: str, program: Path, folder: Path) -> bool:
    try:
        owner = pwd.getpwnam("nobody").pw_uid if who == NOBODY else os.geteuid()
        os.chown(folder, owner, -1)
        for probe in ([str(program), "--version"], ["test", "-w", str(folder)], ["id", "-un"]):
            subprocess.run(command(who, probe), check=True, capture_output=True, cwd="/", **options(who))
    except (OSError, KeyError, subprocess.SubprocessError):
        return False
    return True
