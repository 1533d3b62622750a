"""Calls from outside parties, from the wire to their effect."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from limits import RateLimitItemPerMinute

from apps.core import clock, leases, outbox
from apps.core.daemon import elect
from apps.core.models import InboundWebhook, OutboxEvent, WorkItem
from apps.core.registry import Webhook, registry
from apps.core.testing import databases
from apps.core.testing.senders import OnfidoSender, StandardSender, served
from apps.core.types import WorkState
from apps.core.webhooks import ONFIDO, STANDARD_WEBHOOKS
from apps.core.webhooks.intake import KIND
from apps.core.webhooks.metrics import read_metrics
from apps.core.webhooks.worker import REFUSALS_KEPT, WebhookWorker, purge_refusals
from config.security.secrets import Secret
from config.security.types.parties import WebhookProvider

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()
NEXT = "whsec_" + base64.b64encode(b"the one that will follow it..").decode()
FOREIGN = "whsec_" + base64.b64encode(b"the secret of somebody else..").decode()
TOKEN = "the token that Onfido showed once"
TOPIC = "tests.webhook"


def act(webhook: Webhook) -> None:
    """What a room does: writes rows."""
    outbox.publish(topic=TOPIC, key=webhook.id[:128], payload=dict(webhook.payload))
    if webhook.payload.get("poison"):
        raise ValueError(webhook.payload["poison"])


def effects() -> int:
    return OutboxEvent.objects.filter(topic=TOPIC).count()


@pytest.fixture
def connected(settings: LazySettings) -> Iterator[None]:
    """Two parties are connected: acme, whose secret is being changed, and onfido."""
    acme = WebhookProvider(True, 300, Secret("ACME_SECRET", SECRET), Secret("ACME_SECRET_NEXT", NEXT))
    onfido = WebhookProvider(
        True, 300, Secret("ONFIDO_WEBHOOK_SECRET", TOKEN), Secret("ONFIDO_WEBHOOK_SECRET_NEXT", "")
    )
    off = replace(acme, enabled=False)
    webhooks = replace(settings.SECURITY.webhooks, inbound={"acme": acme, "onfido": onfido, "off": off})
    settings.SECURITY = replace(settings.SECURITY, webhooks=webhooks)
    before = dict(registry.webhooks)
    for provider, scheme in (("acme", STANDARD_WEBHOOKS), ("off", STANDARD_WEBHOOKS), ("onfido", ONFIDO)):
        registry.webhook(provider, scheme, act)
    yield
    registry.webhooks.clear()
    registry.webhooks.update(before)


@pytest.fixture(scope="class")
def api(books: str) -> Iterator[str]:
    with served() as url:
        yield f"{url}/api/webhooks"


@pytest.fixture
def acme(api: str, connected: None) -> StandardSender:
    return StandardSender(f"{api}/acme", (SECRET,))


@pytest.fixture
def worker(books: str) -> Callable[[], None]:
    """Handles all that is due."""

    def work() -> None:
        engine = WebhookWorker()
        leadership = elect(engine.name)
        assert leadership
        while engine.step(leadership, clock.now()):
            pass

    return work


def figures() -> dict[str, int]:
    """How many are pending and dead."""
    return {sample.metric.name.rpartition("_")[2]: int(sample.value) for sample in read_metrics()}


def an_event() -> str:
    return f"msg_{uuid4().hex}"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestTaking:
    def test_has_its_effect_once_and_not_in_the_request(self, acme: StandardSender, worker: Callable[[], None]) -> None:
        event = an_event()
        answer = acme.send(event, {"type": "kyc.done", "name": "Žofie"}, clock.now())
        assert (answer.status_code, answer.json()["data"]) == (202, {"status": "accepted"})
        assert effects() == 0
        assert figures() == {"pending": 1, "dead": 0}
        worker()
        assert OutboxEvent.objects.get(topic=TOPIC, key=event).payload == {"type": "kyc.done", "name": "Žofie"}
        row = InboundWebhook.objects.get(event_id=event)
        assert (row.provider, row.body, row.refusal) == ("acme", None, "")
        assert row.processed_at is not None
        assert figures() == {"pending": 0, "dead": 0}

    def test_answers_a_replay_alike_and_does_nothing(self, acme: StandardSender, worker: Callable[[], None]) -> None:
        event, at = an_event(), clock.now()
        first = acme.send(event, {"n": 1}, at)
        worker()
        before = effects(), WorkItem.objects.count(), InboundWebhook.objects.count()
        again = [acme.send(event, {"n": 1}, at), acme.send(event, {"n": 2}, clock.now())]
        worker()
        assert {(a.status_code, json.dumps(a.json()["data"])) for a in again} == {
            (first.status_code, json.dumps(first.json()["data"]))
        }
        assert (effects(), WorkItem.objects.count(), InboundWebhook.objects.count()) == before

    def test_takes_one_of_eight_that_come_at_once(self, acme: StandardSender, worker: Callable[[], None]) -> None:
        event, at, before = an_event(), clock.now(), effects()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: acme.send(event, {"n": 1}, at).status_code, range(8)))
        worker()
        assert set(answers) == {202}
        assert effects() == before + 1

    def test_accepts_both_secrets_while_they_change(self, acme: StandardSender) -> None:
        for secrets in ((SECRET,), (NEXT,), (FOREIGN, NEXT), (SECRET, NEXT)):
            sender = replace(acme, secrets=secrets)
            assert sender.send(an_event(), {}, clock.now()).status_code == 202

    def test_takes_no_notice_of_an_idempotency_key(self, acme: StandardSender) -> None:
        for key in ("a key of theirs", "", "k" * 300):
            answer = acme.send(an_event(), {}, clock.now(), idempotency_key=key)
            assert (answer.status_code, "idempotency-replayed" in answer.headers) == (202, False)

    def test_accepts_clocks_that_differ_a_little(self, acme: StandardSender) -> None:
        for seconds in (-290, 290):
            assert acme.send(an_event(), {}, clock.now() + timedelta(seconds=seconds)).status_code == 202


def a_secret(size: int) -> str:
    return "whsec_" + base64.b64encode(b"s" * size).decode()


class TestASecret:
    @pytest.fixture
    def connect(self, connected: None, settings: LazySettings) -> Callable[..., None]:
        """Connect a provider whose variables hold these."""

        def register(secret: str, following: str = "", *, enabled: bool = True) -> None:
            beta = WebhookProvider(enabled, 300, Secret("BETA_SECRET", secret), Secret("BETA_NEXT", following))
            webhooks = replace(settings.SECURITY.webhooks, inbound={"beta": beta})
            settings.SECURITY = replace(settings.SECURITY, webhooks=webhooks)
            registry.webhook("beta", STANDARD_WEBHOOKS, act)

        return register

    @pytest.mark.parametrize("secret", ["whsec_%%%", "pass-word", "whsec_", "gehëim", a_secret(23), a_secret(65)])
    def test_that_is_none_of_the_scheme_stops_the_start_and_is_not_repeated(self, connect: Any, secret: str) -> None:
        for variable, secrets in (("BETA_SECRET", (secret,)), ("BETA_NEXT", (SECRET, secret))):
            with pytest.raises(ImproperlyConfigured, match=f"^{variable} must be whsec_ and the base64") as refusal:
                connect(*secrets)
            assert refusal.value.__suppress_context__
            assert "beta" not in registry.webhooks

    @pytest.mark.parametrize("secret", [a_secret(24), a_secret(64), a_secret(24).removeprefix("whsec_"), ""])
    def test_of_the_scheme_or_none_yet_is_taken(self, connect: Any, secret: str) -> None:
        connect(secret)
        assert "beta" in registry.webhooks

    def test_of_whoever_is_switched_off_is_not_looked_at(self, connect: Any) -> None:
        connect("pass-word", enabled=False)
        assert "beta" in registry.webhooks


class TestRefusing:
    @pytest.mark.parametrize(
        "changed",
        [
            {"webhook_signature": ""},
            {"webhook_signature": "v1,"},
            {"webhook_signature": "v1,%%%"},
            {"webhook_signature": "v2," + "A" * 43 + "="},
            {"webhook_signature": " ".join(["v1,AAAA"] * 500)},
            {"webhook_id": "another"},
            {"webhook_id": ""},
            {"webhook_timestamp": "1"},
            {"webhook_timestamp": "soon"},
            {"webhook_timestamp": "9" * 40},
            {"webhook_timestamp": "9" * 12},
            {"webhook_timestamp": "-1"},
            {"webhook_timestamp": "+1"},
            {"webhook_timestamp": "1_0"},
            {"webhook_timestamp": "1.5"},
        ],
    )
    def test_what_proves_nothing_is_written_down_without_its_body(
        self, acme: StandardSender, changed: dict[str, str]
    ) -> None:
        before = WorkItem.objects.count()
        answer = acme.send(an_event(), {"secret": "personal"}, clock.now(), **changed)
        assert code(answer) == (401, "bad_signature")
        row = InboundWebhook.objects.latest("received_at")
        assert (row.provider, row.refusal, row.event_id, row.body) == ("acme", "bad_signature", None, None)
        assert WorkItem.objects.count() == before

    def test_a_foreign_secret_and_changed_bytes(self, acme: StandardSender) -> None:
        foreign = replace(acme, secrets=(FOREIGN,))
        assert code(foreign.send(an_event(), {}, clock.now())) == (401, "bad_signature")
        headers = acme.headers("a", b'{"amount":1}', clock.now())
        answer = httpx.post(acme.url, content=b'{"amount":2}', headers=headers, trust_env=False)
        assert code(answer) == (401, "bad_signature")

    @pytest.mark.parametrize("seconds", [-310, 310, -86_400, 10**9])
    def test_what_was_signed_at_another_time(self, acme: StandardSender, seconds: int) -> None:
        answer = acme.send(an_event(), {}, clock.now() + timedelta(seconds=seconds))
        assert code(answer) == (401, "stale_webhook")

    @pytest.mark.parametrize("provider", ["off", "nobody", "ACME", "a-b_c"])
    def test_parties_that_are_not_connected(self, acme: StandardSender, provider: str) -> None:
        before = InboundWebhook.objects.count()
        sender = replace(acme, url=acme.url.replace("acme", provider))
        assert code(sender.send(an_event(), {}, clock.now())) == (404, "unknown_provider")
        assert InboundWebhook.objects.count() == before

    @pytest.mark.parametrize(
        ("content", "headers", "expected"),
        [
            (b"{}", {"content-type": "text/plain"}, (415, "unsupported_media_type")),
            (b"{}", {"content-encoding": "gzip"}, (415, "unsupported_media_type")),
            (b'"' + b"a" * 300_000 + b'"', {}, (413, "too_large")),
            (b"not json", {}, (400, "bad_request")),
            (b"[]", {}, (400, "bad_request")),
            (b'{"a":1,"a":2}', {}, (400, "bad_request")),
            (b"[" * 5000, {}, (400, "bad_request")),
            (b"", {}, (400, "bad_request")),
        ],
    )
    def test_bodies_that_are_no_event_though_signed(
        self, acme: StandardSender, content: bytes, headers: dict[str, str], expected: tuple[int, str]
    ) -> None:
        before = InboundWebhook.objects.count(), WorkItem.objects.count()
        signed = acme.headers(an_event(), content, clock.now()) | headers
        answer = httpx.post(acme.url, content=content, headers=signed, trust_env=False)
        assert code(answer) == expected
        assert (InboundWebhook.objects.count(), WorkItem.objects.count()) == before

    def test_other_methods(self, acme: StandardSender) -> None:
        assert httpx.get(acme.url, trust_env=False).status_code == 405

    def test_bounds_what_strangers_can_have_written(self, acme: StandardSender, settings: LazySettings) -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "ANON": RateLimitItemPerMinute(3, namespace=uuid4().hex)}
        before = InboundWebhook.objects.count()
        tries = [acme.send(an_event(), {}, clock.now(), webhook_signature="v1,AAAA").status_code for _ in range(6)]
        assert tries == [401, 401, 401, 429, 429, 429]
        assert InboundWebhook.objects.count() == before + 3
        assert acme.send(an_event(), {}, clock.now()).status_code == 202

    def test_forgets_old_refusals_and_nothing_that_stops_replays(self, acme: StandardSender) -> None:
        acme.send(an_event(), {}, clock.now())
        acme.send(an_event(), {}, clock.now(), webhook_signature="")
        taken = InboundWebhook.objects.exclude(event_id=None).count()
        assert purge_refusals(now=clock.now()) == 0
        assert purge_refusals(now=clock.now() + REFUSALS_KEPT + timedelta(days=1)) > 0
        assert InboundWebhook.objects.filter(event_id=None).count() == 0
        assert InboundWebhook.objects.count() == taken


def check(status: str = "complete", **changed: Any) -> dict[str, Any]:
    """An Onfido event."""
    completed = {"id": uuid4().hex, "status": status, "completed_at_iso8601": "2026-11-21T10:00:00Z"}
    return {"resource_type": "check", "action": "check.completed", "object": completed | changed}


class TestOnfido:
    @pytest.fixture
    def onfido(self, api: str, connected: None) -> OnfidoSender:
        return OnfidoSender(f"{api}/onfido", TOKEN)

    def test_is_known_by_its_signature_of_the_raw_body(self, onfido: OnfidoSender, worker: Callable[[], None]) -> None:
        event = check()
        assert onfido.send(event).status_code == 202
        worker()
        row = InboundWebhook.objects.latest("received_at")
        assert row.event_id == f"check:check.completed:{event['object']['id']}:2026-11-21T10:00:00Z"
        assert row.processed_at is not None
        assert code(replace(onfido, token="another").send(event)) == (401, "bad_signature")

    def test_has_one_effect_however_often_and_late_it_is_replayed(
        self, onfido: OnfidoSender, worker: Callable[[], None]
    ) -> None:
        event, before = check(), effects()
        assert [onfido.send(event).status_code for _ in range(3)] == [202] * 3
        worker()
        assert onfido.send(event).status_code == 202
        worker()
        assert effects() == before + 1

    def test_tells_a_check_completed_again_from_a_replay(
        self, onfido: OnfidoSender, worker: Callable[[], None]
    ) -> None:
        before, event = effects(), check()
        later = check(id=event["object"]["id"], completed_at_iso8601="2026-11-21T12:00:00Z")
        started = {key: value for key, value in event["object"].items() if key != "completed_at_iso8601"}
        for sent in (event, later, event, event | {"object": started}, event | {"object": started}):
            assert onfido.send(sent).status_code == 202
        worker()
        assert effects() == before + 3

    @pytest.mark.parametrize(
        "event", [{}, {"resource_type": "check"}, check(id=7), check(id="x" * 300), check(id="a b")]
    )
    def test_is_refused_when_nothing_says_which_event_it_is(self, onfido: OnfidoSender, event: dict[str, Any]) -> None:
        assert code(onfido.send(event)) == (400, "webhook_without_id")


HANDLER = """
import os, signal, sys, threading
from pathlib import Path
import django
django.setup()
from apps.core import outbox
from apps.core.daemon import run_engine
from apps.core.registry import registry
from apps.core.webhooks import STANDARD_WEBHOOKS
from apps.core.webhooks.worker import WebhookWorker

def act(webhook):
    outbox.publish(topic="tests.webhook", key=webhook.id)
    if webhook.id == sys.argv[2] and not Path(sys.argv[1]).exists():
        Path(sys.argv[1]).touch()
        os.kill(os.getpid(), signal.SIGKILL)

registry.webhook("acme", STANDARD_WEBHOOKS, act)
Path(sys.argv[1]).with_name(f"ready-{os.getpid()}").touch()
run_engine(WebhookWorker(), threading.Event())
"""


class TestWorking:
    def test_sets_a_poisonous_one_aside_at_the_fifth_try_and_shows_it(self, acme: StandardSender, books: str) -> None:
        event, now, engine = an_event(), clock.now(), WebhookWorker()
        acme.send(event, {"poison": "Žofie's passport"}, now)
        leadership = elect(engine.name)
        assert leadership
        for _ in range(7):
            engine.step(leadership, now)
            now += timedelta(hours=1)
        row = InboundWebhook.objects.get(event_id=event)
        work = WorkItem.objects.get(kind=KIND, key=str(row.pk))
        assert (work.state, work.attempts, work.last_error) == (WorkState.DEAD, 5, "ValueError")
        assert row.processed_at is None
        assert row.body is not None
        assert b"passport" not in bytes(row.body)
        assert effects() == 0
        assert figures()["dead"] == 1

    def test_a_poisonous_one_holds_up_no_other(self, acme: StandardSender, worker: Callable[[], None]) -> None:
        acme.send(an_event(), {"poison": "yes"}, clock.now())
        event = an_event()
        acme.send(event, {}, clock.now())
        worker()
        assert InboundWebhook.objects.get(event_id=event).processed_at is not None

    def test_whoever_is_killed_in_it_leaves_it_to_the_next_within_ten_seconds(
        self, acme: StandardSender, books: str, tmp_path: Path
    ) -> None:
        event, marker = an_event(), tmp_path / "killed"
        environment = {**os.environ, **databases.urls_of(books)}
        command = [sys.executable, "-c", HANDLER, str(marker), event]
        connection.close()  # with it ends the leadership that other tests took
        pair = [
            subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=environment, stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        try:
            wait_until(lambda: len(list(tmp_path.glob("ready-*"))) == len(pair))
            acme.send(event, {}, clock.now())
            row = InboundWebhook.objects.get(event_id=event)
            wait_until(lambda: sweep() and InboundWebhook.objects.filter(pk=row.pk, body=None).exists())
            assert sorted(process.poll() or 0 for process in pair) == [-signal.SIGKILL, 0]
        finally:
            for process in pair:
                process.kill()
                process.wait()
        row.refresh_from_db()
        assert row.processed_at is not None
        assert row.processed_at.timestamp() - marker.stat().st_mtime < 10
        assert OutboxEvent.objects.filter(key=event).count() == 1
        assert WorkItem.objects.get(kind=KIND, key=str(row.pk)).attempts == 2


def wait_until(true: Callable[[], object]) -> None:
    """Wait for it, a minute at most."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def sweep() -> bool:
    """What the sweeper does each second."""
    leases.sweep(now=clock.now())
    return True


def shell(script: str, **variables: str) -> dict[str, Any]:
    """The answer to an example of docs/webhooks-inbound.md, run as it stands there."""
    command = ["bash", "-euc", script]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class TestTheDocumentedExamples:
    def test_are_taken(self, api: str, connected: None) -> None:
        page = (django_settings.BASE_DIR / "docs" / "webhooks-inbound.md").read_text()
        standard, onfido = (part.partition("```")[0] for part in page.split("```bash\n")[1:])
        assert shell(standard, URL=f"{api}/acme")["data"] == {"status": "accepted"}
        body = json.dumps({"payload": check()})
        assert shell(onfido, URL=f"{api}/onfido", body=body, token=TOKEN)["data"] == {"status": "accepted"}
