"""The web server as it is in production, on the books of a test."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from django.conf import settings

from apps.core.testing.databases import urls_of

STARTING_SECONDS = 90


@contextmanager
def serving(database: str, log: Path) -> Iterator[tuple[str, int]]:
    """(host, port) of a server on this database; what it writes goes to `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "config.server", "--port", str(port)]
    env = {**os.environ, **urls_of(database), "WEB_WORKERS": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(words, cwd=settings.BASE_DIR, env=env, stdout=output, stderr=output)
        try:
            _wait(port, process, log)
            yield "127.0.0.1", port
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")
