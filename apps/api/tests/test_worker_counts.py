"""A real web server of several workers: any of them answers for all, also for those that died."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from apps.core.devstack.ports import free_port
from apps.core.testing.databases import ROOT, urls_of
from apps.core.worker_counts import VARIABLE

ROUTE = {"route": "/api/health", "method": "GET", "status": "2xx"}


@pytest.fixture
def server(books: str, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """The web server with two workers on this class's database; its address, its process, the folder of counts."""
    port = free_port(None)
    gone = tmp_path / "metrics" / "1-1"  # a server that is no more
    gone.mkdir(parents=True)
    (tmp_path / "metrics").chmod(0o700)
    env = {**os.environ, **urls_of(books), "METRICS_DIR": str(tmp_path / "metrics"), "WEB_PORT": str(port)}
    env[VARIABLE] = ""  # as an empty line in a file of variables says
    process = subprocess.Popen([sys.executable, "-m", "config.server"], cwd=ROOT, env=env)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address)
        assert not gone.exists()
        yield address, process, tmp_path / "metrics"
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            assert httpx.get(f"{address}/api/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return


def measured(address: str) -> dict[str, list[dict[str, object]]]:
    time.sleep(1.1)  # scrapes within a second share one answer
    metrics = httpx.get(f"{address}/api/metrics", trust_env=False, timeout=30).json()["data"]["metrics"]
    return {name: family["samples"] for name, family in metrics.items()}


def answered(address: str) -> float:
    samples = measured(address)["bookentry_http_request_duration_seconds"]
    return sum(float(str(s["value"])) for s in samples if str(s["name"]).endswith("_count") and s["labels"] == ROUTE)


def workers(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


class TestCountsOfAllWorkers:
    def test_survive_a_worker_and_are_not_kept_past_the_server(
        self, server: tuple[str, "subprocess.Popen[bytes]", Path]
    ) -> None:
        address, process, base = server
        before = answered(address)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: httpx.get(f"{address}/api/health", trust_env=False, timeout=30), range(80)))
        assert answered(address) == before + 80
        (folder,) = (path for path in base.iterdir() if path.is_dir())
        victim = workers(process)[0].pid
        os.kill(victim, signal.SIGKILL)
        end = time.monotonic() + 60
        while victim in (living := {worker.pid for worker in workers(process)}) or len(living) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        _wait(address)
        assert answered(address) >= before + 80
        found = measured(address)
        assert [s["value"] for s in found["bookentry_http_requests_in_progress"]] == [1.0]  # this very scrape
        assert not [file for file in folder.glob("*.db") if file.stem.endswith(f"_{victim}")]
        assert float(str(found["bookentry_web_processes"][0]["value"])) in {1.0, 2.0}  # a new one may not count yet
