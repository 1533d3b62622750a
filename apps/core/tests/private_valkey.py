"""A Valkey of a test's own, to be killed, stopped in its tracks and started again."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from apps.core.devstack.ports import free_port
from apps.core.devstack.valkey import binary


class PrivateValkey:
    """Keeps what it holds over a restart, as a production one would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self._process = subprocess.Popen([str(binary()), *words, *durable], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while self.say("PING") != b"+PONG\r\n":
            assert time.monotonic() < end
            time.sleep(0.02)

    def say(self, command: str) -> bytes:
        """One inline command's first line of answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(command.encode() + b"\r\n")
                return connection.makefile("rb").readline()
        except OSError:
            return b""

    def kill(self) -> None:
        """As the machine would: nothing is said to anybody."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        """It still accepts connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self.kill()
