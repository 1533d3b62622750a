"""Seconds from nothing to PostgreSQL, Valkey and a chain that answer, in an empty folder.

Ours: `apps.core.devstack`, the three side by side, with roles, passwords and databases made. Peer: the same three
programs one after the other with their stock commands (bench/peers/stock_servers.py), without any of that.
"""

import os
import shutil
import tempfile
from pathlib import Path

from bench.measure import Sample, stopwatch

NAME = "devstack.cold_start"
UNIT = "starts/s"
AS_SECONDS = True


def ours() -> Sample:
    """The development stack."""
    from apps.core.devstack import ensure, stop

    with _without_urls(), _folder() as root:
        try:
            with stopwatch() as elapsed:
                ensure("bench", root=root)
            return Sample(1, elapsed())
        finally:
            stop("bench", root=root)


def peer() -> Sample:
    """Stock commands."""
    from bench.peers.stock_servers import stock_servers

    with _folder() as root, stopwatch() as elapsed, stock_servers(root):
        return Sample(1, elapsed())


class _without_urls:  # noqa: N801 (used as a with-statement's words)
    """Servers named in the environment would not be started."""

    def __enter__(self) -> None:
        names = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CHAIN_RPC_URL")
        self._kept = {name: os.environ.pop(name) for name in names if name in os.environ}

    def __exit__(self, *_: object) -> None:
        os.environ.update(self._kept)


class _folder:  # noqa: N801 (used as a with-statement's words)
    """An empty folder that `nobody` may pass through, removed afterwards."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="bookentry-bench-"))
        self._path.chmod(0o755)
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
