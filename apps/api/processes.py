"""The web processes of this server: how many live, and what they hold."""

from collections.abc import Iterator

import psutil

from apps.core import worker_counts
from apps.core.metrics import Sample, gauge

PROCESSES = gauge("bookentry_web_processes", "Web processes of this server that live.")
MEMORY = gauge("bookentry_web_resident_memory_bytes", "Resident memory of all web processes of this server.")
FILES = gauge("bookentry_web_open_file_descriptors", "Open file descriptors of all web processes of this server.")
STARTED = gauge("bookentry_web_start_timestamp_seconds", "Unix time at which the oldest of them started.")
METRICS = (PROCESSES, MEMORY, FILES, STARTED)


def measure() -> Iterator[Sample]:
    """Asks the kernel; one that ends meanwhile is not counted."""
    folder = worker_counts.folder()
    held = [
        found
        for process in (worker_counts.living(folder) if folder else [psutil.Process()])
        if (found := _held(process))
    ]
    yield PROCESSES.sample(len(held))
    yield MEMORY.sample(sum(memory for memory, _, _ in held))
    yield FILES.sample(sum(files for _, files, _ in held))
    if held:
        yield STARTED.sample(min(started for _, _, started in held))


def _held(process: psutil.Process) -> tuple[int, int, float] | None:
    try:
        with process.oneshot():
            return process.memory_info().rss, process.num_fds(), process.create_time()
    except psutil.Error:
        return None
