"""Metrics: declared once, documented, read within bounds, said as JSON or text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from pytest_django import fixtures

from apps.api.management.commands.metrics_doc import page
from apps.api.metrics import as_json, declared, read_all
from apps.core import clock
from apps.core.db import fetch_all, run_sql, unit_of_work
from apps.core.leases import enqueue, take
from apps.core.metrics import Sample, counted, counted_by, counter, gauge
from apps.core.models import EngineState, WorkItem
from apps.core.registry import registry

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;"
    "q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


def values(name: str) -> dict[tuple[str, ...], float]:
    family = as_json(read_all()).get(name, {"samples": []})
    return {tuple(sample["labels"].values()): sample["value"] for sample in family["samples"]}


class TestAMetric:
    @pytest.mark.parametrize("name", ["outbox_waiting", "bookentry_Waiting", "bookentry_x_", "bookentry_seen_total"])
    def test_is_refused_under_a_bad_name(self, name: str) -> None:
        with pytest.raises(ValueError, match="no good name"):
            gauge(name, "help")

    def test_that_counts_ends_in_total(self) -> None:
        with pytest.raises(ValueError, match="no good name"):
            counter("bookentry_seen", "help")

    def test_wants_all_its_labels(self) -> None:
        with pytest.raises(ValueError, match="has the labels"):
            gauge("bookentry_seen", "help", "kind").sample(1)


@pytest.mark.usefixtures("books")
class TestTheEndpoint:
    def test_answers_json_by_default(self) -> None:
        metrics = Client().get("/api/metrics").json()["data"]["metrics"]
        assert metrics["bookentry_outbox_waiting"] == {
            "type": "gauge",
            "help": declared()["bookentry_outbox_waiting"].help,
            "samples": [{"name": "bookentry_outbox_waiting", "labels": {}, "value": 0.0}],
        }

    @pytest.mark.parametrize(
        ("accept", "content_type"),
        [
            ("text/plain;version=0.0.4", "text/plain; version=0.0.4"),
            ("text/plain;q=0.9, application/json;q=0.1", "text/plain; version=0.0.4"),
            ("application/json;q=0.2, text/plain;q=0.1", "application/json"),
            ("application/json;q=0, */*", "text/plain"),
            ("*/*", "application/json"),
            (PROMETHEUS, "application/openmetrics-text; version=1.0.0"),
        ],
    )
    def test_says_what_accept_prefers(self, accept: str, content_type: str) -> None:
        response = Client().get("/api/metrics", headers={"Accept": accept})
        assert (response.status_code, response["Content-Type"][: len(content_type)]) == (200, content_type)

    @pytest.mark.parametrize("accept", ["image/png", "text/plain;q=0", "text/html"])
    def test_refuses_what_it_cannot_say(self, accept: str) -> None:
        response = Client().get("/api/metrics", headers={"Accept": accept})
        assert (response.status_code, response.json()["error"]["code"]) == (406, "not_acceptable")

    def test_both_texts_parse_and_declare_every_family(self) -> None:
        Client().get("/api/health")
        text = Client().get("/api/metrics", headers={"Accept": "text/plain"}).content.decode()
        for family in parse(text):
            assert family.type in {"gauge", "counter", "histogram"}
            assert family.documentation
        open_text = Client().get("/api/metrics", headers={"Accept": PROMETHEUS}).content.decode()
        assert {f.name for f in parse_openmetrics(open_text)} == {f.name.removesuffix("_total") for f in parse(text)}

    def test_exports_what_is_declared_and_nothing_else(self) -> None:
        assert set(as_json(read_all())) <= set(declared())

    def test_is_for_bearers_of_the_token_where_one_is_set(self, settings: fixtures.Settings) -> None:
        settings.METRICS_TOKEN = "s3cret-ä"
        for refused in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret-ä"}):
            response = Client().get("/api/metrics", headers=refused)
            assert (response.status_code, response.json()["error"]["code"]) == (401, "metrics_token_required")
            assert response["WWW-Authenticate"].startswith("Bearer")
        assert Client().get("/api/metrics", headers={"Authorization": "Bearer s3cret-ä"}).status_code == 200

    def test_is_documented_name_by_name(self) -> None:
        file = Path(django_settings.BASE_DIR) / "docs" / "metrics.md"
        assert file.read_text() == page(file.read_text()), "run manage.py metrics_doc"


@pytest.mark.usefixtures("books")
class TestAScrape:
    @pytest.fixture
    def source(self, request: pytest.FixtureRequest) -> Iterator[None]:
        metric = gauge("bookentry_test", "For tests.")
        registry.metric("failing", [metric], lambda: request.param(metric))
        yield
        del registry.metrics["failing"]

    def ask_undeclared(_: object) -> list[Sample]:  # noqa: N805 (a reader of samples, not a method)
        return [gauge("bookentry_other", "Nobody declared it.").sample(1)]

    def hang(_: object) -> list[Sample]:  # noqa: N805
        fetch_all("SELECT pg_sleep(30)")
        return []

    def write(_: object) -> list[Sample]:  # noqa: N805
        run_sql("DELETE FROM core_enginestate")
        return []

    @pytest.mark.parametrize("source", [lambda _: 1 / 0, ask_undeclared, hang, write], indirect=True)
    @pytest.mark.usefixtures("source")
    def test_says_which_source_failed_and_reads_the_others(self) -> None:
        EngineState.objects.update_or_create(name="relay", defaults={"heartbeat_at": clock.now()})
        up = values("bookentry_metrics_source_up")
        assert up.pop(("failing",)) == 0
        assert set(up.values()) == {1}
        assert values("bookentry_outbox_waiting") == {(): 0}
        assert EngineState.objects.filter(name="relay").exists()

    def test_tells_engines_apart_by_label(self) -> None:
        EngineState.objects.update_or_create(name="relay", defaults={"heartbeat_at": clock.now(), "epoch": 7})
        EngineState.objects.filter(name="sweeper").delete()
        assert values("bookentry_engine_heartbeat_age_seconds")["relay",] < 5
        assert values("bookentry_engine_epoch")["relay",] == 7
        leads = values("bookentry_engine_leads")
        assert (leads["relay",], leads["sweeper",]) == (1, 0)

    def test_counts_work_by_kind_and_state_and_its_oldest_wait(self) -> None:
        now = clock.now()
        with unit_of_work():
            for key in ("1", "2", "3"):
                enqueue(kind="measured", key=key, now=now)
            enqueue(kind="other", key="1", now=now)
        take(kind="measured", now=now, seconds=-1)
        found = values("bookentry_work_items")
        assert (found["measured", "QUEUED"], found["measured", "LEASED"], found["other", "QUEUED"]) == (2, 1, 1)
        assert values("bookentry_work_leases_expired")[()] == 1
        assert 0 <= values("bookentry_work_oldest_due_age_seconds")["measured",] < 10

    def test_counts_no_further_than_its_bound(self) -> None:
        with unit_of_work():
            for key in range(5):
                enqueue(kind="bounded", key=str(key), now=clock.now())
        rows = WorkItem.objects.filter(kind="bounded")
        assert (counted(rows, to=3), counted_by(rows, "kind", to=3), counted_by(rows, "kind")) == (
            3,
            [("bounded", 3)],
            [("bounded", 5)],
        )

    def test_leaves_no_setting_behind(self) -> None:
        before = fetch_all("SHOW statement_timeout")
        read_all()
        assert fetch_all("SHOW statement_timeout") == before
        assert not connection.in_atomic_block

    def test_counts_requests_by_route_method_and_class(self) -> None:
        def counts(*labels: str) -> float:
            samples = as_json(read_all())["bookentry_http_request_duration_seconds"]["samples"]
            wanted = dict(zip(("route", "method", "status"), labels, strict=True))
            return sum(s["value"] for s in samples if s["name"].endswith("_count") and s["labels"] == wanted)

        cases = {
            ("/api/health", "GET", "2xx"): ("get", "/api/health"),
            ("/api/health", "POST", "4xx"): ("post", "/api/health"),
            ("unknown", "GET", "4xx"): ("get", "/api/no/such/address/made/up"),
        }
        before = {labels: counts(*labels) for labels in cases}
        for method, path in cases.values():
            getattr(Client(), method)(path)
        assert {labels: counts(*labels) - before[labels] for labels in cases} == dict.fromkeys(cases, 1.0)
        errors = values("bookentry_http_errors_total")
        assert errors["method_not_allowed", "405"] >= 1
        assert errors["not_found", "404"] >= 1

    def test_takes_no_label_from_a_caller(self) -> None:
        Client().generic("BREW", "/api/health")
        Client().get("/api/'<script>")
        for name in ("bookentry_http_request_duration_seconds", "bookentry_http_errors_total"):
            for sample in as_json(read_all())[name]["samples"]:
                assert not any(made_up in str(sample["labels"]) for made_up in ("BREW", "<script"))
