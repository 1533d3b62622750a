"""One folder of counts for all workers of a web server, so that any of them can answer for all.

prometheus_client keeps each process's counts in files mapped to memory. The folder is named after the process that
started the workers, so a new server begins with an empty one, and removes those of servers that are gone. A worker
that died leaves its counts behind: see apps.core.dead_workers.
"""

import logging
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import psutil
from filelock import FileLock

log = logging.getLogger(__name__)

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
LOCK = "lock"
FOLDED = 0  # no process has this number


def share_counts() -> None:
    """Called by the web server's door in each worker, before anything imports prometheus_client.

    Where the folder cannot be had, each worker counts alone, and the log says so.
    """
    if "prometheus_client" in sys.modules or os.environ.get(VARIABLE):
        return  # runserver: one process, counting in its own memory; or the operator chose a folder
    os.environ.pop(VARIABLE, None)  # empty is unset here; prometheus_client would count in the working directory
    try:
        folder = _folder_of_server(_base())
    except OSError as error:
        log.warning("workers count alone", extra={"error": type(error).__name__})
        return
    os.environ[VARIABLE] = str(folder)


def folder() -> Path | None:
    """The folder in force, None where this process counts alone."""
    name = os.environ.get(VARIABLE)
    return Path(name) if name else None


def living(folder: Path) -> list[psutil.Process]:
    """The workers that count in the folder and live."""
    return [process for pid in sorted(pids(folder)) if (process := worker(pid)) is not None]


def _base() -> Path:
    """Ours alone: in a folder others can write to, they could have put a link in its place."""
    chosen = os.environ.get("METRICS_DIR")
    base = Path(chosen) if chosen else Path(tempfile.gettempdir()) / f"bookentry-metrics-{os.getuid()}"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = base.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise PermissionError(base)
    return base


def _folder_of_server(base: Path) -> Path:
    with FileLock(base / LOCK, timeout=10):
        for other in base.iterdir():
            if other.is_dir() and not _is_server(other.name):
                shutil.rmtree(other, ignore_errors=True)
        own = base / _name(psutil.Process(os.getppid()))
        own.mkdir(mode=0o700, exist_ok=True)
    for left in own.glob(f"gauge_live*_{os.getpid()}.db"):
        left.unlink(missing_ok=True)  # an earlier worker had our number
    return own


def _name(process: psutil.Process) -> str:
    return f"{process.pid}-{int(process.create_time())}"


def _is_server(name: str) -> bool:
    pid = name.partition("-")[0]
    try:
        return pid.isdigit() and _name(psutil.Process(int(pid))) == name
    except psutil.Error:
        return False


def pids(folder: Path) -> set[int]:
    """Numbers of the processes that have files here: `counter_17.db`, `gauge_livesum_17.db`."""
    names = (file.stem.rpartition("_")[2] for file in folder.glob("*.db"))
    return {int(name) for name in names if name.isdigit()} - {FOLDED}


def worker(pid: int) -> psutil.Process | None:
    """The process, if it is a worker of this server: a stranger may have got a dead one's number."""
    try:
        process = psutil.Process(pid)
        ours = pid == os.getpid() or process.ppid() == os.getppid()
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
