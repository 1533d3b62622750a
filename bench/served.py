"""A project behind the product's own web server, on a database of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60


@contextmanager
def served(settings: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The web server's address, while it serves the project of these settings."""
    from apps.core.devstack.ports import free_port

    port = free_port()
    command = [sys.executable, "-m", "config.server", "--port", str(port)]
    env = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": settings}
    log = ROOT / ".local" / "bench" / f"{settings}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            httpx.get(f"{url}/", trust_env=False, timeout=5)
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the web server did not start: see {log}") from None
            time.sleep(0.1)
        else:
            return
