"""The processes a supervisor keeps alive."""

import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from apps.core.devstack.layout import CHECKOUT, Home
from apps.core.devstack.plan import Child
from apps.core.devstack.processes import ProcessRecord, end_session, spawn

FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0
STEADY_SECONDS = 10.0  # a child that lived this long starts again without having to wait for earlier failures
STOP_SECONDS = 8.0


class Keeper:
    """Runs one child in its own session and starts it again when it ends."""

    def __init__(self, child: Child, home: Home, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.child = child
        self.log = home.logs / f"{child.name}.log"
        self._pid_file = pid_file(home, child.name)
        self._env = env
        self._say = say
        self._delay = FIRST_DELAY
        self._due = 0.0
        self._began = 0.0
        self.start()

    @property
    def pid(self) -> int | None:
        """The pid while the child runs."""
        return self._process.pid if self._record else None

    def start(self) -> None:
        self._process = spawn(self.child.argv, log=self.log, env=self._env, cwd=CHECKOUT)
        self._record: ProcessRecord | None = ProcessRecord.of(self._process.pid)
        self._record.write(self._pid_file)
        self._began = time.monotonic()

    def tend(self) -> bool:
        """Notice an end or start again when it is time; return whether something changed."""
        now = time.monotonic()
        if self._record is None:
            if now < self._due:
                return False
            self.start()
            return True
        if self._process.poll() is None:
            return False
        self._ended(now)
        return True

    def _ended(self, now: float) -> None:
        if now - self._began >= STEADY_SECONDS:
            self._delay = FIRST_DELAY
        how = _how(self._process.returncode)
        self._say(f"{self.child.name} (pid {self._process.pid}) {how}: starting it again in {self._delay:.1f} s")
        self._clear()
        self._due = now + self._delay
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def stop(self) -> None:
        """End the child and all it started."""
        self._clear()

    def _clear(self) -> None:
        """End what is left of the session: workers may outlive a killed master and hold its port."""
        if self._record is not None:
            end_session(self._record, seconds=STOP_SECONDS)
            self._record = None
        self._pid_file.unlink(missing_ok=True)


def pid_file(home: Home, name: str) -> Path:
    return home.pids / f"child-{name}.json"


def end_leftovers(home: Home) -> tuple[str, ...]:
    """End children whose supervisor was killed; return their names."""
    ended = []
    for file in sorted(home.pids.glob("child-*.json")):
        record = ProcessRecord.read(file)
        if record is not None:
            end_session(record, seconds=STOP_SECONDS)
            ended.append(file.stem.removeprefix("child-"))
        file.unlink(missing_ok=True)
    return tuple(ended)


def _how(returncode: int) -> str:
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode}"
