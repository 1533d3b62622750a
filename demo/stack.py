"""The running product: real web, worker and engine processes, under the supervisor that `make serve` uses too."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
import httpx

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".local" / "demo"
LOGINS = "demo-logins.json"
SETUP_SECONDS = 180
# The story asks in a minute what its people would in an hour: with 100 reads a minute it waits half of its time.
IMPATIENT = {**os.environ, "RATE_LIMIT_USER": "2000/min"}


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the product answers, who may log in, and which processes it is."""

    home: Path
    web: str
    chain: str
    logins: dict[str, dict[str, str]]

    @classmethod
    def of(cls, home: Path) -> "Stack":
        """The stack that is being served from this profile's folder."""
        urls = _state(home)["urls"]
        return cls(home, urls["web"], urls["chain"], json.loads((home / LOGINS).read_text()))

    def pid(self, name: str) -> int:
        """The process id of a part, as the supervisor knows it now."""
        return int(_state(self.home)["pids"].get(name, 0))

    def kill(self, name: str) -> int:
        """kill -9 a part's whole process group, as a power cut would; the pid it had."""
        pid = self.pid(name)
        os.killpg(os.getpgid(pid), signal.SIGKILL)
        return pid

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a program of the checkout on this stack, as an operator would."""
        return self.begin(*words)()

    def begin(self, *words: str) -> "Callable[[], subprocess.CompletedProcess[str]]":
        """The same in the background: what it returns waits for the program's end."""
        env = os.environ | {"BOOKENTRY_PROFILE": self.home.name}
        command, pipe = [sys.executable, *words], subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=env)

        def end() -> "subprocess.CompletedProcess[str]":
            out, err = process.communicate(timeout=120)
            return subprocess.CompletedProcess(command, process.returncode, out, err)

        return end

    @property
    def database_owner(self) -> str:
        """The URL by which the owner of the database logs in."""
        environ.Env.read_env(str(ROOT / ".env"))  # as the servers were; variables already set win
        if given := os.environ.get("DATABASE_OWNER_URL"):
            return given
        server = json.loads((self.home / "state.json").read_text())["postgres"]
        return f"postgres://bookentry_owner:{server['owner_password']}@127.0.0.1:{server['port']}/bookentry"

    def wait_restarted(self, name: str, old: int, seconds: float = 20) -> int:
        """The pid the supervisor gave the part after it was killed."""
        deadline = time.monotonic() + seconds
        while (pid := self.pid(name)) in {0, old}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} was not started again")
            time.sleep(0.1)
        return pid


def _state(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "processes.json").read_text()))


@contextmanager
def running(
    say: Callable[[str], None],
    without: Sequence[str] = (),
    home: Path = HOME,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """A fresh stack on free ports, its progress said, stopped with everything it started when the block ends.

    `home` is the folder of the profile that is served; `environment` is added to its processes'.
    """
    command = [sys.executable, "-m", "apps.core.devstack", "serve", "--profile", home.name, "--fresh", "--port", "0"]
    command += [word for name in without for word in ("--without", name)]
    home.mkdir(parents=True, exist_ok=True)
    (home / "processes.json").unlink(missing_ok=True)
    log = home / "demo-stack.log"
    with log.open("w") as out:
        env = IMPATIENT | dict(environment or {})
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield _wait_until_ready(process, home, log, say)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _wait_until_ready(process: "subprocess.Popen[bytes]", home: Path, log: Path, say: Callable[[str], None]) -> Stack:
    deadline, told = time.monotonic() + SETUP_SECONDS, 0
    while not ((home / "processes.json").exists() and _state(home).get("ready")):
        lines = log.read_text().splitlines()
        for line in lines[told:]:
            say(line)
        told = len(lines)
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the stack did not start: {log.read_text().strip().splitlines()[-1:]} (see {log})")
        time.sleep(0.1)
    stack = Stack.of(home)
    while httpx.get(f"{stack.web}/api/ready", trust_env=False, timeout=10).status_code != 200:
        if time.monotonic() > deadline:
            raise RuntimeError("the API did not become ready")
        time.sleep(0.2)
    return stack
