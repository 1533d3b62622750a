"""`serve`: children that are started again, a file that tells who runs, and nothing left at the end."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.core import devstack
from apps.core.devstack.layout import CHECKOUT, Home
from apps.core.devstack.plan import project_plan
from apps.core.devstack.ports import free_port
from apps.core.devstack.urls import NAMES
from apps.core.testing.waiting import until
from tests.devstack.conftest import new_root, processes_of

# The real supervisor on the real servers, with small children in place of the project's.
SERVE = """
import sys
from pathlib import Path
from apps.core.devstack.errors import DevstackError
from apps.core.devstack.layout import Home
from apps.core.devstack.plan import Child, Plan
from apps.core.devstack.supervisor import Supervisor
root, port, setup = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
python = sys.executable
web = Child("web", (python, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(root)), port)
parent = "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"
engines = Child("engines", (python, "-c", parent, str(root)))
plan = Plan(((python, "-c", setup, str(root)),), (web, engines))
try:
    Supervisor(Home.of("demo", root), plan, lambda line: print(line, flush=True)).run()
except DevstackError as error:
    sys.exit(str(error))
"""


def serve(root: Path, port: int, setup: str = "pass") -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", SERVE, str(root), str(port), setup]
    env = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.Popen(argv, cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def serving(root: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    process = serve(root, port)
    until(lambda: bool(facts(root).get("ready")))
    yield process
    process.kill()
    process.communicate()


def facts(root: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((root / "demo" / "processes.json").read_text()))
    except FileNotFoundError:
        return {}


class TestAServedProfile:
    @pytest.fixture(scope="class")
    @classmethod
    def port(cls) -> int:
        return free_port()

    @pytest.fixture(scope="class")
    @classmethod
    def root(cls) -> Iterator[Path]:
        yield from new_root()

    @pytest.fixture(scope="class")
    @classmethod
    def supervisor(cls, root: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
        yield from serving(root, port)

    def test_tells_addresses_and_pids(self, root: Path, port: int, supervisor: "subprocess.Popen[str]") -> None:
        told = facts(root)
        assert told["urls"]["web"] == f"http://127.0.0.1:{port}"
        assert set(told["pids"]) == {"web", "engines"}
        assert told["supervisor"] == supervisor.pid
        socket.create_connection(("127.0.0.1", port), timeout=2).close()

    def test_starts_a_killed_child_again_and_ends_what_it_had_started(
        self, root: Path, supervisor: "subprocess.Popen[str]"
    ) -> None:
        killed = facts(root)["pids"]["engines"]
        until(lambda: len(psutil.Process(killed).children()) == 1)
        orphans = psutil.Process(killed).children()
        os.kill(killed, signal.SIGKILL)
        until(lambda: facts(root)["pids"].get("engines", killed) != killed)

        assert not [child for child in orphans if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]

    def test_is_not_served_twice(self, root: Path, supervisor: "subprocess.Popen[str]") -> None:
        second = serve(root, free_port())
        assert second.communicate(timeout=20)[1] == "profile demo is being served already: `make stop` ends it\n"
        assert second.returncode == 1
        assert supervisor.poll() is None
        assert facts(root)["supervisor"] == supervisor.pid


class TestTheEndOfServing:
    @pytest.fixture
    def supervisor(self, root: Path) -> Iterator["subprocess.Popen[str]"]:
        yield from serving(root, free_port())

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_leaves_nothing_when_told_to_end(
        self, root: Path, supervisor: "subprocess.Popen[str]", number: signal.Signals
    ) -> None:
        supervisor.send_signal(number)
        said, complained = supervisor.communicate(timeout=30)
        assert (supervisor.returncode, complained) == (0, "")
        assert said.splitlines()[-1] == "stopped: nothing is left running"
        assert processes_of(root) == []
        assert facts(root) == {}

    def test_is_ended_by_stop(self, root: Path, supervisor: "subprocess.Popen[str]") -> None:
        assert devstack.stop(root=root)["demo"] == ("serve",)
        assert supervisor.wait(timeout=5) == 0
        assert processes_of(root) == []

    def test_is_ended_by_stop_after_its_supervisor_was_killed(
        self, root: Path, supervisor: "subprocess.Popen[str]"
    ) -> None:
        supervisor.kill()
        supervisor.wait()
        assert devstack.stop(root=root)["demo"] == ("engines", "web", "postgres", "valkey", "anvil")
        assert processes_of(root) == []


class TestAStartThatFails:
    def test_for_a_busy_port_says_which(self, root: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            busy = stranger.getsockname()[1]
            process = serve(root, busy)
            complained = process.communicate(timeout=30)[1]
        assert process.returncode == 1
        assert complained == f"port {busy} is busy: end what listens there, or choose another with PORT=\n"
        assert processes_of(root) == []

    def test_for_a_failed_set_up_command_says_why_and_stops_the_servers(self, root: Path) -> None:
        process = serve(root, free_port(), setup="raise SystemExit('no such table')")
        complained = process.communicate(timeout=30)[1]
        assert process.returncode == 1
        assert "failed: no such table (see " in complained
        assert processes_of(root) == []


class TestTheProjectsPlan:
    def plan(self, **options: Any) -> dict[str, tuple[str, ...]]:
        return {child.name: child.argv for child in project_plan(Home.of("demo"), port=8000, **options).children}

    def test_runs_five_kinds_of_process(self) -> None:
        plan = self.plan()
        assert list(plan) == ["web", "worker", "beat", "matcher", "engines"]
        assert plan["matcher"][2:] == ("run_engines", "matcher")
        assert plan["engines"][2:] == ("run_engines", "--without=matcher", "--nice=5")

    def test_leaves_out_a_process_or_an_engine_by_name(self) -> None:
        without = self.plan(without=["beat", "matcher", "relay"])
        assert list(without) == ["web", "worker", "engines"]
        assert without["engines"][2:] == ("run_engines", "--without=matcher", "--without=relay", "--nice=5")

    def test_runs_only_the_engines_named(self) -> None:
        plan = self.plan(engines=["relay"])
        assert list(plan) == ["web", "worker", "beat", "engines"]
        assert plan["engines"][2:] == ("run_engines", "relay", "--nice=5")
        assert list(self.plan(engines=["matcher"])) == ["web", "worker", "beat", "matcher"]
