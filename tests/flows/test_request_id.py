"""One correlation id from the request to whatever follows from it: logs, tasks, events, audit rows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.core import outbox, request_id
from apps.core.db import unit_of_work
from apps.core.models import OutboxEvent
from apps.core.testing.databases import urls_of
from apps.core.testing.waiting import until
from config.celery import app
from tests.flows import carrying


@pytest.mark.usefixtures("books")
class TestRequest:
    def test_offers_its_id_and_finds_it_in_the_trail(self) -> None:
        client = api_client(make_user(role=Role.OPS))
        body = {"kind": "LEGAL", "legal_name": "Example Holding", "country": "LI"}
        headers = {"X-Request-ID": "offered-1"}
        answer = client.post(
            "/api/accounts/parties", json.dumps(body), content_type="application/json", headers=headers
        )
        assert (answer.status_code, answer["X-Request-ID"]) == (201, "offered-1")
        assert set(AuditLog.objects.filter(request_id="offered-1").values_list("action", flat=True))

    @pytest.mark.parametrize("offered", ["", "a" * 65, "forged\x1b[31m id", "a b", "\xe9", "a,b", "a\r\nSet-Cookie: x"])
    def test_with_an_id_that_could_harm_gets_another(self, offered: str) -> None:
        answered = api_client().get("/api/health", HTTP_X_REQUEST_ID=offered)["X-Request-ID"]
        assert UUID(answered).version == 7

    @pytest.mark.parametrize("url", ["/admin/login/", "/admin/", "/nowhere", "/static/nothing.css", "/api/nowhere"])
    def test_is_answered_with_its_id_whoever_answers(self, url: str) -> None:
        assert api_client().get(url, headers={"X-Request-ID": "offered-2"})["X-Request-ID"] == "offered-2"

    def test_leaves_nothing_behind(self) -> None:
        api_client().get("/api/health", headers={"X-Request-ID": "offered-3"})
        assert request_id.current() == ""

    def test_is_logged_under_its_id(self, caplog: pytest.LogCaptureFixture) -> None:
        seen: list[str] = []
        caplog.handler.addFilter(lambda record: bool(seen.append(request_id.current())) or record is not None)
        api_client().get("/api/nowhere", headers={"X-Request-ID": "offered-4"})
        assert set(seen) == {"offered-4"}


@pytest.fixture(scope="class")
def worker(books: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A real worker on these books: (its queue, its log of JSON lines)."""
    queue, folder = f"carrying-{uuid4()}", tmp_path_factory.mktemp("worker")
    words = ["celery", "-A", "config", "worker", "-c", "1", "--without-mingle", "--without-gossip", "-Q", queue]
    env = {**os.environ, **urls_of(books), "LOG_DIR": str(folder), "LOG_FORMAT": "json"}
    app.set_default()
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words, "-I", "tests.flows.carrying"],
            cwd=settings.BASE_DIR,
            env=env,
            stdout=output,
            stderr=output,
        )
        try:
            yield queue, folder
        finally:
            process.terminate()
            process.wait(timeout=30)


def events(topic: str, key: str) -> list[str]:
    return list(OutboxEvent.objects.filter(topic=topic, key=key).values_list("request_id", flat=True))


class TestTask:
    def test_and_what_it_sends_work_under_the_id_of_who_sent_it(self, worker: tuple[str, Path]) -> None:
        queue, folder = worker
        with request_id.working("offered-5"):
            carrying.first.apply_async(("one", queue), queue=queue)
        until(lambda: events("carrying.second", "one"))
        assert (events("carrying.first", "one"), events("carrying.second", "one")) == (["offered-5"], ["offered-5"])
        until(lambda: "ValueError: offered-5" in (folder / "output").read_text())

    def test_that_the_clock_sends_gets_an_id_of_its_own(self, worker: tuple[str, Path]) -> None:
        queue, _ = worker
        assert request_id.current() == ""
        for key in ("two", "three"):
            carrying.first.apply_async((key, queue), queue=queue)
        until(lambda: events("carrying.second", "two") and events("carrying.second", "three"))
        two, three = events("carrying.first", "two"), events("carrying.first", "three")
        assert two != three
        assert UUID(two[0]).version == UUID(three[0]).version == 7
        assert (two, three) == (events("carrying.second", "two"), events("carrying.second", "three"))

    @pytest.mark.parametrize("forged", ["x" * 100, "a\nb", 7, None, ["a"]])
    def test_with_a_header_that_could_harm_gets_another(self, worker: tuple[str, Path], forged: object) -> None:
        queue, _ = worker
        key = str(uuid4())
        carrying.second.apply_async((key,), queue=queue, headers={"request_id": forged})
        until(lambda: events("carrying.second", key))
        assert UUID(events("carrying.second", key)[0]).version == 7


@pytest.mark.usefixtures("books")
class TestEvent:
    def test_carries_the_id_of_the_work_that_published_it(self) -> None:
        with request_id.working("offered-6"), unit_of_work():
            event = outbox.publish(topic="carrying", key="k")
        assert OutboxEvent.objects.get(pk=event).request_id == "offered-6"
