"""Processes that outlive their starter: spawned in their own session, found again by pid file, ended by pid.

A pid alone proves nothing, since the system uses numbers again: a record also keeps the start time, and a process
counts as ours only while both agree.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from apps.core.devstack.state import write_private

_started: list[subprocess.Popen[bytes]] = []  # kept, so that Python does not complain about children left running


@dataclass(frozen=True)
class ProcessRecord:
    """A process we started: pid, start time in seconds since the epoch."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord":
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def read(cls, path: Path) -> "ProcessRecord | None":
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self)))

    def process(self) -> psutil.Process | None:
        """Return the living process, or None if it ended or its pid belongs to somebody else by now."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1
            return process if same and is_living(process) else None
        except psutil.Error:
            return None


def is_living(process: psutil.Process) -> bool:
    """Whether the process runs; one that died and waits to be reaped does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def spawn(
    argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path | str = "/", **popen: Any
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, appending what it prints to the log."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            **popen,
        )
    _started.append(process)
    return process


def end(process: psutil.Process, *, first: signal.Signals = signal.SIGTERM, seconds: float = 10) -> None:
    """Ask the process to end, and kill it when it has not after the given seconds."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(first)
        if not _gone(process, seconds):
            process.kill()
            _gone(process, 5)


def _gone(process: psutil.Process, seconds: float) -> bool:
    return not _left_after(seconds, [process])


def _left_after(seconds: float, processes: list[psutil.Process]) -> list[psutil.Process]:
    """Wait until all ended; return those that still live. Whoever waits to be reaped by its parent has ended."""
    deadline = time.monotonic() + seconds
    left = [process for process in processes if is_living(process)]
    while left and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=0.02)
        left = [process for process in left if is_living(process)]
    psutil.wait_procs(processes, timeout=0)  # reaps those that are our own children
    return left


def session_members(record: ProcessRecord) -> list[psutil.Process]:
    """Return the living processes of the session the recorded process led, itself included."""
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if (
                os.getsid(process.pid) == record.pid
                and process.create_time() >= record.created - 1
                and is_living(process)
            ):
                members.append(process)
    return members


def end_session(record: ProcessRecord, *, seconds: float) -> None:
    """Ask the leader to end, wait, then kill whatever is left of its session."""
    leader = record.process()
    if leader is not None:
        end(leader, seconds=seconds)
    left = session_members(record)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    _left_after(5, left)


def running_with(program: str, argument: str) -> Iterable[psutil.Process]:
    """Yield living processes of this program that were given exactly this argument (a path of ours)."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if argument in words and any(Path(word).name == program for word in words) and is_living(process):
            yield process
