"""Real engine processes on a test's books."""

import os
import signal
import subprocess
import sys
from typing import Self

from django.db import connection

from apps.core.db import fetch_one
from apps.core.testing.databases import ROOT, urls_of

PATIENCE = 60.0


class EngineProcess:
    """`manage.py run_engines NAME`, in a process of its own that ends with the block, whatever happens."""

    def __init__(self, name: str, database: str) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), "run_engines", name]
        self.process = subprocess.Popen(
            command, env={**os.environ, **urls_of(database)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it politely if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE)


def somebody_waits_for_a_lock() -> bool:
    """Whether another session of this database waits for a row or table lock."""
    row = fetch_one(
        """SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
           WHERE NOT l.granted AND a.datname = %s AND l.locktype <> 'advisory'""",
        [connection.settings_dict["NAME"]],
    )
    return bool(row and row[0])
