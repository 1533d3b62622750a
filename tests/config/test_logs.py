"""Where log lines go: every process's, once each, whole, in files that do not grow without end."""

import json
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection

from apps.core.devstack.ports import free_port
from apps.core.testing import databases
from apps.core.testing.waiting import until
from config.logs import FILE_BYTES, FILES_KEPT, logging_config
from config.variables import Misconfigured, Variables
from tests.architecture.test_production import PRODUCTION

ROOT = Path(__file__).resolve().parents[2]
APPS = ["apps.core", "apps.dex"]
WRITERS, LINES = 4, 200

# A process of ours, forking once after logging is set up, as Celery and the web server do.
WRITER = """
    import json, logging, os, sys
    from logging.config import dictConfig

    config, name, lines = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    dictConfig(config)
    logging.getLogger("apps.core").info("begin", extra={"writer": name, "n": -1})
    child = os.fork()
    who = f"{name}-child" if child == 0 else name
    for n in range(lines):
        level = logging.ERROR if n % 10 == 0 else logging.INFO
        logging.getLogger("apps.core").log(level, "line", extra={"writer": who, "n": n, "pad": "x" * (n * 7 % 400)})
    logging.shutdown()
    if child == 0:
        os._exit(0)
    os._exit(os.waitpid(child, 0)[1])
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """LOGGING of a production process with LOG_DIR."""
    monkeypatch.setenv("LOG_DIR", str(tmp_path))
    env = Variables(production=True)
    made = logging_config(env, APPS, [])
    env.refuse()
    return made


def written(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The lines of a file and of its older ones: each must be a whole JSON object."""
    for file in folder.glob(f"{name}*"):
        yield from map(json.loads, file.read_text().splitlines())


def write_at_once(config: dict[str, Any]) -> None:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), json.dumps(config)]
    running = [subprocess.Popen([*command, f"w{i}", str(LINES)], cwd=ROOT) for i in range(WRITERS)]
    assert [process.wait(timeout=120) for process in running] == [0] * WRITERS


class TestFiles:
    def test_turn_at_ten_megabytes_and_five_are_kept(self, config: dict[str, Any], tmp_path: Path) -> None:
        assert (FILE_BYTES, FILES_KEPT) == (10 * 1024 * 1024, 5)
        for name, file in (("file", "bookentry.log"), ("errors", "errors.log")):
            handler = config["handlers"][name]
            assert handler["filename"] == str(tmp_path / file)
            assert (handler["maxBytes"], handler["backupCount"]) == (FILE_BYTES, FILES_KEPT)

    def test_of_processes_that_turn_them_at_once_lose_and_tear_no_line(
        self, config: dict[str, Any], tmp_path: Path
    ) -> None:
        for handler in ("file", "errors"):
            config["handlers"][handler] |= {"maxBytes": 20_000, "backupCount": 1_000}
        del config["handlers"]["console"]
        config["root"]["handlers"].remove("console")
        write_at_once(config)
        lines = [(line["writer"], line["n"]) for line in written(tmp_path, "bookentry.log")]
        writers = [f"w{i}{kind}" for i in range(WRITERS) for kind in ("", "-child")]
        expected = [(w, n) for w in writers for n in range(LINES)] + [(f"w{i}", -1) for i in range(WRITERS)]
        assert sorted(lines) == sorted(expected)
        assert len(list(tmp_path.glob("bookentry.log*"))) > 10
        errors = [(line["writer"], line["n"]) for line in written(tmp_path, "errors.log")]
        assert sorted(errors) == sorted((w, n) for w in writers for n in range(0, LINES, 10))

    def test_do_not_grow_without_end(self, config: dict[str, Any], tmp_path: Path) -> None:
        config["handlers"]["file"]["maxBytes"] = 20_000
        del config["handlers"]["console"]
        config["root"]["handlers"].remove("console")
        write_at_once(config)
        sizes = [file.stat().st_size for file in tmp_path.glob("bookentry.log*")]
        assert len(sizes) == 1 + FILES_KEPT
        assert max(sizes) <= 21_000
        assert {file.stat().st_mode & 0o777 for file in tmp_path.glob("*.log*")} == {0o640}

    def test_need_a_folder_that_can_be_written(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("LOG_DIR", str(tmp_path / "none"))
        env = Variables(production=True)
        logging_config(env, APPS, [])
        with pytest.raises(Misconfigured, match="LOG_DIR must be a folder"):
            env.refuse()


class TestLevels:
    def levels(self, monkeypatch: pytest.MonkeyPatch, text: str) -> tuple[dict[str, Any], Variables]:
        monkeypatch.setenv("LOG_LEVELS", text)
        env = Variables(production=True)
        return logging_config(env, APPS, [])["loggers"], env

    def test_are_set_for_one_app_or_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loggers, env = self.levels(monkeypatch, "apps.dex=DEBUG, django.db.backends=ERROR,apps.dex.engines=WARNING")
        env.refuse()
        assert {name: loggers[name]["level"] for name in ("apps.core", "apps.dex", "apps.dex.engines")} == {
            "apps.core": "INFO",
            "apps.dex": "DEBUG",
            "apps.dex.engines": "WARNING",
        }
        assert loggers["django.db.backends"]["level"] == "ERROR"

    @pytest.mark.parametrize(
        "text", ["apps.dx=DEBUG", "apps.dex=LOUD", "apps.dex", "=DEBUG", "apps.dex=DEBUG=x", "a b=INFO"]
    )
    def test_of_what_there_is_not_are_refused(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        with pytest.raises(Misconfigured, match="LOG_LEVELS must be logger=LEVEL"):
            self.levels(monkeypatch, text)[1].refuse()

    @pytest.mark.parametrize("text", ["botocore=DEBUG", "botocore.parsers=INFO", "boto3=DEBUG"])
    def test_of_what_writes_keys_are_not_lowered(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        loggers, env = self.levels(monkeypatch, text)
        assert loggers["botocore"]["level"] == "WARNING"
        with pytest.raises(Misconfigured, match="LOG_LEVELS must be no lower than WARNING"):
            env.refuse()


def production(folder: Path) -> dict[str, str]:
    """A production environment on this run's servers and the books in force, that logs into a folder."""
    servers = {name: os.environ[name] for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CHAIN_RPC_URL")}
    servers |= databases.urls_of(connection.settings_dict["NAME"])
    hosts = {"DJANGO_ALLOWED_HOSTS": "books.example.com", "PATH": os.environ["PATH"]}
    return {**PRODUCTION, **servers, **hosts, "LOG_DIR": str(folder), "WEB_WORKERS": "1"}


def end(process: "subprocess.Popen[bytes]") -> None:
    """What it wrote is there: how it ends is not asked here, and a worker in the middle of a task may take its time."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait(timeout=10)


@pytest.mark.usefixtures("books")
class TestProcesses:
    """Each door of the project, started in production, writes JSON lines and nothing else."""

    def run_until(self, folder: Path, words: list[str], said: str) -> str:
        output = folder / "output"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=ROOT, env=production(folder), stdout=sink, stderr=subprocess.STDOUT
            )
        log = folder / "bookentry.log"
        try:
            until(lambda: log.exists() and said in log.read_text())
        finally:
            end(process)
        return output.read_text()

    def test_the_web_server(self, tmp_path: Path) -> None:
        output = self.run_until(tmp_path, ["config.server", "--port", str(free_port())], "Started worker")
        lines = [json.loads(line) for line in output.splitlines()]
        assert {line["name"].partition(".")[0] for line in lines} <= {"_granian", "py"}
        assert any(line["message"].startswith("Listening at") for line in written(tmp_path, "bookentry.log"))

    def test_the_worker(self, tmp_path: Path) -> None:
        self.run_until(
            tmp_path,
            ["celery", "-A", "config", "worker", "-c", "1", "--without-mingle", "-Q", f"none-{os.getpid()}"],
            "ready.",
        )
        names = {line["name"].partition(".")[0] for line in written(tmp_path, "bookentry.log")}
        assert "celery" in names


class TestDjango:
    def test_has_no_handlers_of_its_own(self) -> None:
        for name in ("django", "django.server", "django.request", "django.security.DisallowedHost", "_granian"):
            assert logging.getLogger(name).handlers == []
            assert logging.getLogger(name).propagate
