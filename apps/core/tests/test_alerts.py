"""Alerts: one row while it lasts, whoever sees it; told once when it opens, grows and ends."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections

from apps.core import alerts, clock
from apps.core.alerts import raise_alert, resolve_alert, settle_alerts
from apps.core.daemon import elect
from apps.core.db import unit_of_work
from apps.core.errors import InvalidValue
from apps.core.models import Alert, OutboxEvent
from apps.core.relay import Relay
from apps.core.types import Condition, Severity


def see(key: str, severity: Severity = Severity.WARNING, summary: str = "Something is wrong.") -> None:
    with unit_of_work():
        raise_alert(dedup_key=key, severity=severity, summary=summary, now=clock.now(), source="test")


def end(key: str) -> bool:
    with unit_of_work():
        return resolve_alert(dedup_key=key, now=clock.now())


def told(key: str) -> list[tuple[str, str]]:
    """(topic, severity) of what was published about the alerts of this key, in order."""
    ids = [str(pk) for pk in Alert.objects.filter(dedup_key=key).values_list("pk", flat=True)]
    events = OutboxEvent.objects.filter(topic__startswith="alert.", key__in=ids).order_by("pk")
    return [(event.topic, event.payload["severity"]) for event in events]


def at_once(number: int, act: Callable[[], object]) -> None:
    """Run `act` on as many connections, from one barrier; raises what any of them raised."""
    barrier = threading.Barrier(number)

    def run() -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait(30)
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        for done in [pool.submit(run) for _ in range(number)]:
            done.result(60)


@pytest.mark.usefixtures("books")
class TestAnAlert:
    def test_is_counted_while_it_is_open_and_told_once(self) -> None:
        for _ in range(3):
            see("counted")
        alert = Alert.objects.get(dedup_key="counted")
        assert (alert.count, alert.resolved_at, alert.source) == (3, None, "test")
        assert told("counted") == [("alert.raised", "WARNING")]

    def test_is_one_row_whoever_raises_it_at_once(self) -> None:
        at_once(12, lambda: see("raced"))
        assert Alert.objects.get(dedup_key="raced").count == 12
        assert told("raced") == [("alert.raised", "WARNING")]

    def test_survives_raisers_and_resolvers_at_once(self) -> None:
        turns = iter([see, end] * 6)
        lock = threading.Lock()

        def act() -> None:
            with lock:
                turn = next(turns)
            turn("stormy")

        at_once(12, act)
        assert Alert.objects.filter(dedup_key="stormy", resolved_at=None).count() <= 1
        topics = [topic for topic, _ in told("stormy")]
        assert topics.count("alert.raised") == Alert.objects.filter(dedup_key="stormy").count()
        assert (
            topics.count("alert.resolved") == Alert.objects.filter(dedup_key="stormy").exclude(resolved_at=None).count()
        )

    def test_grows_more_severe_and_never_less(self) -> None:
        for severity in (Severity.INFO, Severity.CRITICAL, Severity.ERROR, Severity.CRITICAL):
            see("grows", severity)
        assert Alert.objects.get(dedup_key="grows").severity == "CRITICAL"
        assert told("grows") == [("alert.raised", "INFO"), ("alert.escalated", "CRITICAL")]

    def test_that_comes_back_is_a_new_row(self) -> None:
        see("back")
        assert end("back")
        assert not end("back")
        see("back")
        first, second = Alert.objects.filter(dedup_key="back").order_by("pk")
        assert (first.resolved_at is not None, second.resolved_at, second.count) == (True, None, 1)
        assert [topic for topic, _ in told("back")] == ["alert.raised", "alert.resolved", "alert.raised"]

    def test_of_a_rolled_back_unit_of_work_was_never_raised(self) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            raise_alert(dedup_key="undone", severity=Severity.INFO, summary="Undone.", now=clock.now(), source="test")
            raise ZeroDivisionError
        assert not Alert.objects.filter(dedup_key="undone").exists()

    @pytest.mark.parametrize("key", ["", "x" * 256])
    def test_is_refused_under_a_bad_key(self, key: str) -> None:
        with pytest.raises(InvalidValue):
            see(key)
        see("y" * 255)

    def test_is_open_once_also_for_who_goes_past_the_service(self) -> None:
        see("once")
        row = Alert.objects.get(dedup_key="once")
        with pytest.raises(IntegrityError), unit_of_work():
            Alert.objects.create(
                dedup_key="once",
                severity="INFO",
                summary="x",
                source="x",
                opened_at=row.opened_at,
                last_seen_at=row.opened_at,
            )

    def test_outside_a_unit_of_work_is_refused(self) -> None:
        with pytest.raises(RuntimeError, match="unit of work"):
            raise_alert(dedup_key="x", severity=Severity.INFO, summary="x", now=clock.now())

    def test_reaches_the_log_at_its_severity(self, caplog: pytest.LogCaptureFixture) -> None:
        see("logged", Severity.ERROR, "Look here.")
        end("logged")
        leadership = elect("relay")
        assert leadership is not None
        with caplog.at_level(logging.INFO, "apps.core.alerts"):
            while Relay().step(leadership, clock.now()):
                pass
        said = [(r.levelname, r.message) for r in caplog.records if getattr(r, "dedup_key", "") == "logged"]
        assert said == [("ERROR", "alert raised"), ("INFO", "alert resolved")]

    def test_is_measured_by_severity(self) -> None:
        see("measured", Severity.CRITICAL)
        found = {sample.labels: sample.value for sample in alerts.measure()}
        assert found["CRITICAL",] == Alert.objects.filter(severity="CRITICAL", resolved_at=None).count() >= 1


@pytest.mark.usefixtures("books")
class TestSettledAlerts:
    def test_follow_the_conditions(self) -> None:
        now = clock.now()

        def look(seconds: int, **found: Severity) -> dict[str, tuple[int, bool]]:
            conditions = {key: Condition(severity, "Wrong.") for key, severity in found.items()}
            with unit_of_work():
                settle_alerts(source="settled", conditions=conditions, now=now + timedelta(seconds=seconds))
            rows = Alert.objects.filter(source="settled")
            return {row.dedup_key: (row.count, row.resolved_at is None) for row in rows}

        see("of_another_source")
        assert look(0, a=Severity.INFO, b=Severity.INFO) == {"a": (1, True), "b": (1, True)}
        assert look(5, a=Severity.INFO) == {"a": (1, True), "b": (1, False)}
        assert look(6, a=Severity.ERROR) == {"a": (2, True), "b": (1, False)}
        assert look(61, a=Severity.INFO)["a"] == (2, True)
        assert look(67, a=Severity.INFO)["a"] == (3, True)
        assert look(70) == {"a": (3, False), "b": (1, False)}
        assert Alert.objects.get(dedup_key="of_another_source").resolved_at is None
