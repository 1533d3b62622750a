"""A Valkey of a test's own, to be killed and started again."""

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis, RedisError

from apps.core.devstack.ports import free_port
from apps.core.devstack.valkey import binary


class PrivateValkey:
    """A server on a port of its own; `kill` ends it as an outage would."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """REDIS_URL."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        self._process = subprocess.Popen([str(binary()), *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        with Redis.from_url(self.url) as client:
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except RedisError:
                    time.sleep(0.02)
                else:
                    return
        raise TimeoutError("Valkey did not answer within 20 s")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
