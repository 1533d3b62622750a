"""`serve`: servers, set-up commands and processes under one roof, until a signal ends them all."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from filelock import FileLock, Timeout

from apps.core.devstack import stack
from apps.core.devstack.children import Keeper, end_leftovers
from apps.core.devstack.errors import DevstackError
from apps.core.devstack.layout import CHECKOUT, Home
from apps.core.devstack.plan import Child, Plan
from apps.core.devstack.ports import is_free
from apps.core.devstack.processes import ProcessRecord, end_session, spawn
from apps.core.devstack.state import write_private
from apps.core.devstack.urls import Urls

_TICK_SECONDS = 0.05
_READY_SECONDS = 120


class Supervisor:
    """Runs one profile in the foreground. Only one runs for a profile at a time."""

    def __init__(self, home: Home, plan: Plan, say: Callable[[str], None], *, fresh: bool = False) -> None:
        self._home = home
        self._plan = plan
        self._say = say
        self._fresh = fresh
        self._stopping = threading.Event()
        self._keepers: list[Keeper] = []
        self._afterwards: subprocess.Popen[bytes] | None = None
        self._started: tuple[str, ...] = ()
        self._urls = Urls()

    def run(self) -> None:
        """Return after SIGINT or SIGTERM, with everything stopped that was started here.

        Raises DevstackError if a port is busy, a server does not start or a set-up command fails.
        """
        self._home.create()
        with self._alone(), self._signals():
            try:
                self._begin()
                self._keep()
            finally:
                self._end()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with FileLock(self._home.folder / "serve.lock", timeout=0):
                ProcessRecord.of(os.getpid()).write(self._home.serving)
                yield
        except Timeout:
            raise DevstackError(
                f"profile {self._home.profile.name} is being served already: `make stop` ends it"
            ) from None

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        for number in before:
            signal.signal(number, lambda *_: self._stopping.set())
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _begin(self) -> None:
        end_leftovers(self._home)
        for child in self._plan.children:
            if child.port is not None and not is_free(child.port):
                raise DevstackError(f"port {child.port} is busy: end what listens there, or choose another with PORT=")
        if self._fresh:
            stack.wipe(self._home)
        with self._timed("servers"):
            self._urls, self._started = stack.start(self._home.profile.name, root=self._home.root)
        env = self._environment()
        for command in self._plan.setup:
            self._set_up(command, env)
        if not self._stopping.is_set():
            self._keepers = [Keeper(child, self._home, env, self._say) for child in self._plan.children]
            self._publish(ready=False)
            self._wait_until_ready()

    def _environment(self) -> dict[str, str]:
        own = {"BOOKENTRY_PROFILE": self._home.profile.name, "PYTHONUNBUFFERED": "1"}
        return {**os.environ, **self._urls.as_env(), **own}

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        if not self._stopping.is_set():
            self._say(f"{what}: {time.monotonic() - began:.1f} s")

    def _set_up(self, command: tuple[str, ...], env: Mapping[str, str]) -> None:
        if self._stopping.is_set():
            return
        name = next((word for word in command[1:] if not word.startswith("-") and "/" not in word), command[0])
        log = self._home.logs / "setup.log"
        with self._timed(name):
            process = spawn(command, log=log, env=env, cwd=CHECKOUT)
            while process.poll() is None and not self._stopping.wait(_TICK_SECONDS):
                pass
            if self._stopping.is_set():
                _give_up(process)
            elif process.returncode:
                raise DevstackError(f"{name} failed: {_last_line(log)} (see {log})")

    def _wait_until_ready(self) -> None:
        waiting = [keeper for keeper in self._keepers if keeper.child.port is not None]
        deadline = time.monotonic() + _READY_SECONDS
        with self._timed(", ".join(keeper.child.name for keeper in self._keepers)):
            while waiting and not self._stopping.wait(_TICK_SECONDS):
                self._tend(ready=False)
                waiting = [keeper for keeper in waiting if not _answers(keeper.child)]
                if waiting and time.monotonic() > deadline:
                    late = waiting[0]
                    raise DevstackError(f"{late.child.name} does not answer: {_last_line(late.log)} (see {late.log})")

    def _keep(self) -> None:
        if self._stopping.is_set():
            return
        self._publish(ready=True)
        for name, url in self._addresses().items():
            self._say(f"{name:8} {url}")
        self._say(f"logs     {self._home.logs}    ctrl-C stops everything started here")
        self._start_afterwards()
        while not self._stopping.wait(_TICK_SECONDS):
            self._tend(ready=True)
            self._note_afterwards()

    def _start_afterwards(self) -> None:
        if self._plan.afterwards:
            log = self._home.logs / "demo-data.log"
            self._afterwards = spawn(self._plan.afterwards, log=log, env=self._environment(), cwd=CHECKOUT)
            self._say("demo data is being made, as a client would ...")

    def _note_afterwards(self) -> None:
        if self._afterwards is not None and self._afterwards.poll() is not None:
            log = self._home.logs / "demo-data.log"
            self._say(f"demo data: {_last_line(log)}" + (f" (see {log})" if self._afterwards.returncode else ""))
            if not self._afterwards.returncode:
                self._say(f"logins   {self._home.folder / 'demo-logins.json'}")
            self._afterwards = None

    def _tend(self, *, ready: bool) -> None:
        changes = [keeper.tend() for keeper in self._keepers]  # all of them: any() alone would stop at the first
        if any(changes):
            self._publish(ready=ready)

    def _addresses(self) -> dict[str, str]:
        web = next((child.port for child in self._plan.children if child.port is not None), None)
        pages = {"web": "", "api": "/api", "docs": "/api/docs", "admin": "/admin/"} if web else {}
        addresses = {name: f"http://127.0.0.1:{web}{path}" for name, path in pages.items()}
        return addresses | {"chain": self._urls.CHAIN_RPC_URL or ""}

    def _publish(self, *, ready: bool) -> None:
        pids = {keeper.child.name: keeper.pid for keeper in self._keepers if keeper.pid is not None}
        facts = {"urls": self._addresses(), "pids": pids, "supervisor": os.getpid(), "ready": ready}
        write_private(self._home.processes, json.dumps(facts, indent=1))

    def _end(self) -> None:
        ran = bool(self._started or self._keepers)
        if ran:
            self._say("stopping")
        if self._afterwards is not None:
            _give_up(self._afterwards)
        with ThreadPoolExecutor(max(len(self._keepers), 1)) as pool:
            list(pool.map(Keeper.stop, self._keepers))
        if self._started:
            stack.stop_servers(self._home, self._started)
        self._home.processes.unlink(missing_ok=True)
        self._home.serving.unlink(missing_ok=True)
        if ran:
            self._say("stopped: nothing is left running")


def _answers(child: Child) -> bool:
    """Whether the child serves its page. A web server listens before its workers have loaded the application."""
    connection = http.client.HTTPConnection("127.0.0.1", child.port, timeout=5)
    try:
        connection.request("GET", child.path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _give_up(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        end_session(ProcessRecord.of(process.pid), seconds=5)
        process.wait()


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.exists() else []
    return lines[-1].strip()[:200] if lines else "it printed nothing"
