"""Readiness while parts hang: it answers in time, says which, and asks no part twice at a time."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import Client

from apps.api.health import DEADLINE_SECONDS, Examiner, database
from apps.core.registry import Health, registry


class Hanging:
    """A check that does not come back until it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = threading.Event()

    def __call__(self) -> Health:
        self.asked += 1
        self.go.wait(60)
        return Health(ok=True, required=False)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    check = Hanging()
    registry.health_check("hanging", check)
    yield check
    check.go.set()
    del registry.health_checks["hanging"]


@pytest.fixture
def silent_database() -> Iterator[None]:
    """A server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        before = {key: connections.settings["default"][key] for key in ("HOST", "PORT")}
        connections.settings["default"].update(HOST="127.0.0.1", PORT=listener.getsockname()[1])
        connections.close_all()
        yield
        connections.settings["default"].update(before)


@pytest.mark.usefixtures("books")
class TestReadiness:
    def test_waits_for_no_part_beyond_its_deadline(self, hanging: Hanging) -> None:
        examiner = Examiner(deadline_seconds=0.3)
        for _ in range(3):
            began = time.monotonic()
            found = examiner.examine()
            assert time.monotonic() - began < 5
            assert found.checks["hanging"] == Health(ok=False, detail="no answer in time", required=False)
        assert hanging.asked == 1
        hanging.go.set()
        assert Examiner().examine().checks["hanging"].ok

    def test_is_unavailable_in_time_while_the_database_hangs(self, silent_database: None) -> None:
        began = time.monotonic()
        response = Client().get("/api/ready")
        assert time.monotonic() - began < DEADLINE_SECONDS + 3
        body = response.json()["data"]
        assert (response.status_code, response["Retry-After"], body["status"]) == (503, "2", "unavailable")
        assert "database" in body["failing"]
        assert body["checks"]["database"] == {"ok": False, "required": True, "detail": "no answer in time"}

    def test_names_no_host_when_the_database_refuses(self) -> None:
        before = connections.settings["default"]["PORT"]
        connections.settings["default"]["PORT"] = 1
        try:
            text = Client().get("/api/ready").content.decode()
        finally:
            connections.settings["default"]["PORT"] = before
        assert "the database does not answer" in text
        for leak in ("127.0.0.1", "port", "psycopg", "bookentry_app"):
            assert leak not in text

    def test_shares_one_answer_among_probes(self, hanging: Hanging) -> None:
        hanging.go.set()
        threads = [threading.Thread(target=Client().get, args=("/api/ready",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert hanging.asked == 1


@pytest.mark.usefixtures("books")
class TestTheDatabaseCheck:
    def test_is_well_while_it_answers(self) -> None:
        assert database() == Health(ok=True)
