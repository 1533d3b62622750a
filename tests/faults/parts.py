"""The product's processes and private servers, to be killed: nothing of the test run's own is touched."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from apps.core.devstack.layout import CHECKOUT, Home
from apps.core.devstack.postgres import Postgres
from apps.core.devstack.processes import ProcessRecord, end_session, session_members, spawn
from apps.core.devstack.server import Server
from apps.core.devstack.state import State, locked
from apps.core.devstack.valkey import Valkey


def until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until the condition holds; how many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


class Servers:
    """PostgreSQL and Valkey of this test alone, on disk as in production."""

    def __init__(self, root: Path) -> None:
        self._home = Home.of("bench", root)
        self._home.create()
        state = State(self._home)
        self.postgres, self.valkey = Postgres(self._home, state), Valkey(self._home, state)

    def start(self, server: Server) -> dict[str, str]:
        """Start it, again on its own port; the variables that name it."""
        with locked(self._home):
            server.start()
        return server.urls()

    def kill(self, server: Server) -> None:
        """kill -9."""
        os.kill(server.pid() or 0, signal.SIGKILL)
        until(lambda: server.pid() is None, 10, f"{server.name} is dead")

    def stop(self, server: Server, number: signal.Signals) -> None:
        """Stop it by a signal and wait until it is gone."""
        os.kill(server.pid() or 0, number)
        until(lambda: server.pid() is None, 30, f"{server.name} has ended")


@contextmanager
def private_servers() -> Iterator[Servers]:
    """Servers in a folder of their own, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="bookentry-faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        servers = Servers(folder / "local")
        try:
            yield servers
        finally:
            servers.postgres.stop()
            servers.valkey.stop()


class Parts:
    """Processes of the product by name, each in a session of its own, with its log."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def manage(self, name: str, *words: str) -> None:
        """Start a command of manage.py that stays."""
        self.start(name, str(CHECKOUT / "manage.py"), *words)

    def worker(self, name: str, *words: str, concurrency: int = 1) -> None:
        """Start a Celery worker of this node name."""
        options = ("-c", str(concurrency), "-n", node(name), "-l", "INFO", "--without-mingle", "--without-gossip")
        self.start(name, "-m", "celery", "-A", "config", "worker", *options, *words)

    def start(self, name: str, *words: str, **more: str) -> None:
        """Start a Python program."""
        log = self._folder / f"{name}.log"
        self._running[name] = spawn([sys.executable, *words], log=log, env=self._environment | more, cwd=CHECKOUT)

    def tell(self) -> None:
        """Print what they logged: pytest shows it if the last test failed."""
        for log in sorted(self._folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")

    def file(self, name: str) -> str:
        """The path of a file that goes with the block."""
        return str(self._folder / name)

    def pid(self, name: str) -> int:
        """Its process id."""
        return self._running[name].pid

    def ended(self, name: str) -> bool:
        """Whether it ended by itself."""
        return self._running[name].poll() is not None

    def ports(self, name: str) -> set[int]:
        """Local ports of its connections, and of what it started. Empty when it was killed."""
        if name not in self._running:
            return set()
        members = session_members(ProcessRecord.of(self.pid(name)))
        return {link.laddr.port for member in members for link in member.net_connections() if link.laddr}

    def kill(self, name: str) -> None:
        """kill -9 of the process and all it started, as when its machine is gone."""
        process = self._running.pop(name)
        for member in session_members(ProcessRecord.of(process.pid)):
            with suppress(Exception):
                member.kill()
        process.wait()

    def end(self) -> None:
        """End all of it."""
        for process in self._running.values():
            if process.poll() is None:
                end_session(ProcessRecord.of(process.pid), seconds=8)
            process.wait()


def node(name: str) -> str:
    """The node name of a worker: hosts are shared, so are databases of workers' names not."""
    return f"{name}@test"


@contextmanager
def parts(environment: Mapping[str, str]) -> Iterator[Parts]:
    """Processes that end with the block."""
    with tempfile.TemporaryDirectory(prefix="bookentry-parts-") as name:
        found = Parts(environment, Path(name))
        try:
            yield found
        finally:
            found.end()
