"""What the three servers share: reuse what runs, clear what was left, start, wait until it answers, stop."""

import os
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from apps.core.devstack.errors import DevstackError
from apps.core.devstack.layout import Home
from apps.core.devstack.ports import free_port, is_free
from apps.core.devstack.processes import ProcessRecord, end, running_with, spawn
from apps.core.devstack.state import State

_ATTEMPTS = 8
_POLL_SECONDS = 0.02


class Server(ABC):
    """One server of one profile. Call `start` and `stop` only while holding the profile's lock."""

    name: ClassVar[str]
    program: ClassVar[str]
    replaced_by: ClassVar[str]
    start_seconds: ClassVar[float] = 30
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    transient: ClassVar[tuple[str, ...]] = ()  # complaints in the log that pass when tried again

    def __init__(self, home: Home, state: State) -> None:
        self.home = home
        self.state = state
        self.folder = home.service(self.name)
        self.log = home.logs / f"{self.name}.log"
        self.pid_file = home.pids / f"{self.name}.json"

    @abstractmethod
    def argv(self, port: int) -> list[str]:
        """Return the command line; it contains `marker`."""

    @property
    @abstractmethod
    def marker(self) -> str:
        """Return the argument, a path of this profile, by which a process is known to be ours."""

    @abstractmethod
    def answers(self, port: int) -> bool:
        """Whether the server on this port answers as ours."""

    @abstractmethod
    def urls(self) -> dict[str, str]:
        """Return the environment variables this server provides."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what must exist before the program starts."""

    def after_start(self, port: int) -> None:  # noqa: B027 (optional)
        """Do what a fresh server needs once it answers."""

    def spawn_options(self) -> dict[str, Any]:
        return {}

    @property
    def port(self) -> int:
        return int(self.state.get(self.name, "port"))

    def pid(self) -> int | None:
        """Return the pid if the server runs."""
        record = ProcessRecord.read(self.pid_file)
        process = record.process() if record else None
        return process.pid if process else None

    def start(self) -> bool:
        """Make sure that the server runs; return whether it had to be started."""
        if self.pid() is not None and self._listens():
            return False
        self._clear_leftovers()
        self.prepare()
        for attempt in range(_ATTEMPTS):
            port = free_port(self.state.get(self.name, "port"))
            if self._try(port):
                self.state.put(self.name, port=port)
                return True
            time.sleep(0.1 * (attempt + 1))
        raise self._failure()

    def _listens(self) -> bool:
        return bool(self.state.get(self.name, "port")) and not is_free(self.port)

    def stop(self) -> bool:
        """End the server if it runs; return whether it did."""
        ran = self.pid() is not None
        self._clear_leftovers()
        return ran

    def _clear_leftovers(self) -> None:
        for process in running_with(self.program, self.marker):
            end(process, first=self.stop_signal)
        self.pid_file.unlink(missing_ok=True)

    def _try(self, port: int) -> bool:
        """Start once. False: it gave up for a reason that may pass, so another try (and port) makes sense."""
        began = self.log.stat().st_size if self.log.exists() else 0
        child = spawn(self.argv(port), log=self.log, env=clean_environment(), **self.spawn_options())
        ProcessRecord.of(child.pid).write(self.pid_file)
        deadline = time.monotonic() + self.start_seconds
        try:
            while time.monotonic() < deadline:
                if child.poll() is not None:
                    return self._give_up(port, began)
                if self.answers(port) and child.poll() is None:
                    self.after_start(port)
                    return True
                time.sleep(_POLL_SECONDS)
        except BaseException:
            self._clear_leftovers()
            raise
        self._clear_leftovers()
        raise DevstackError(f"{self.name} did not answer within {self.start_seconds:.0f} s: see {self.log}")

    def _give_up(self, port: int, began: int) -> bool:
        self.pid_file.unlink(missing_ok=True)
        said = self.log.read_bytes()[began:].decode(errors="replace")
        if not is_free(port) or any(complaint in said for complaint in self.transient):
            return False
        raise self._failure(said)

    def _failure(self, said: str = "") -> DevstackError:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower() or "FATAL" in line]
        reason = f" ({(errors or lines)[-1][:200]})" if lines else ""
        return DevstackError(
            f"{self.name} could not be started{reason}: see {self.log}; `make stop` and removing "
            f"{self.home.folder} begins anew"
        )


def clean_environment() -> dict[str, str]:
    """A small environment: a developer's PGPORT or proxy settings must not reach the servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"}


def executable(path: Path, what: str) -> Path:
    """Return the path, or raise DevstackError if there is no such program."""
    if not path.is_file():
        raise DevstackError(f"{what} is not installed: run `make setup`")
    if not os.access(path, os.X_OK):
        raise DevstackError(f"{path} is not executable: remove the folder and run `make setup`")
    return path
