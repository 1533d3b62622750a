"""What dead workers counted is folded into one file, so that totals never fall and files never pile up."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from apps.core.worker_counts import FOLDED, LOCK, pids, worker

LOCK_SECONDS = 1.0


def collect(folder: Path) -> list[Metric]:
    """The sums over all workers, living and dead. Raises TimeoutError while another process folds for too long."""
    with _settled(folder):
        return list(MultiProcessCollector(None, str(folder)).collect())  # type: ignore[no-untyped-call]


@contextmanager
def _settled(folder: Path) -> Iterator[None]:
    try:
        with FileLock(folder / LOCK, timeout=LOCK_SECONDS):
            _fold(folder)
            yield
    except Timeout as error:
        raise TimeoutError(LOCK) from error


def _fold(folder: Path) -> None:
    """Add the counts of the dead to those of the dead before them; what they had in hand, nobody has."""
    dead = {pid for pid in pids(folder) if worker(pid) is None}
    for pid in dead:
        for file in folder.glob(f"gauge_live*_{pid}.db"):
            file.unlink(missing_ok=True)
    for kind in ("counter", "histogram"):
        files = [file for pid in sorted(dead) if (file := folder / f"{kind}_{pid}.db").exists()]
        if files:
            _merge(files, folder / f"{kind}_{FOLDED}.db")


def _merge(files: list[Path], into: Path) -> None:
    """Killed in the midst, it leaves either the old files or the new one beside some: counted twice, never lost."""
    sources = [str(file) for file in (*files, into) if file.exists()]
    building = into.with_suffix(".building")
    building.unlink(missing_ok=True)
    merged = MmapedDict(str(building))  # type: ignore[no-untyped-call]
    for metric in MultiProcessCollector.merge(sources, accumulate=False):  # type: ignore[no-untyped-call]
        for sample in metric.samples:
            names, values = list(sample.labels), list(sample.labels.values())
            key = mmap_key(metric.name, sample.name, names, values, metric.documentation)
            merged.write_value(key, sample.value, 0.0)  # type: ignore[no-untyped-call]
    merged.close()  # type: ignore[no-untyped-call]
    building.replace(into)
    for file in files:
        file.unlink(missing_ok=True)
