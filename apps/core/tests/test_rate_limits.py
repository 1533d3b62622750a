"""Counters of the rate limits: exact under races, in both stores, and never without either for long."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter

from apps.core.models import RateCounter
from apps.core.rate_limits import key_of_address, key_of_name
from apps.core.rate_limits.counting import Counters
from apps.core.rate_limits.postgres import PostgresCounters
from apps.core.rate_limits.taken import Window, taken
from apps.core.rate_limits.valkey import ValkeyCounters
from apps.core.tests.private_valkey import PrivateValkey
from config.rate_limits import DEFAULTS, read_rates
from config.variables import Variables

PATIENT = 5.0  # this machine may be busy: these tests are about counts, not about timeouts


def valkey() -> ValkeyCounters:
    return ValkeyCounters(settings.REDIS_URL, timeout=PATIENT)


both = pytest.mark.parametrize("store", [valkey, PostgresCounters], ids=["valkey", "postgres"])
Build = Callable[[], Counters]


def someone() -> str:
    return uuid4().hex


@pytest.mark.usefixtures("books")
class TestCounters:
    @both
    def test_let_exactly_the_limit_through_a_race_of_connections(self, store: Build) -> None:
        caller, rate, barrier = someone(), RateLimitItemPerMinute(25), threading.Barrier(8)

        def fire(_: int) -> int:
            counters = store()
            barrier.wait()
            passed = sum(counters.take(rate, caller).allowed for _ in range(10))
            connections.close_all()
            return passed

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(fire, range(8))) == 25

    def test_count_once_on_a_server_that_has_just_started(self, tmp_path: Path) -> None:
        with PrivateValkey(tmp_path) as server:
            for _ in range(10):
                server.say("SCRIPT FLUSH")  # as after a restart: it knows no script
                caller, rate, barrier = someone(), RateLimitItemPerMinute(25), threading.Barrier(8)

                def fire(caller: str, rate: RateLimitItem, barrier: threading.Barrier) -> int:
                    counters = ValkeyCounters(server.url, timeout=PATIENT)
                    barrier.wait()
                    return sum(counters.take(rate, caller).allowed for _ in range(10))

                with ThreadPoolExecutor(8) as pool:
                    passed = [pool.submit(fire, caller, rate, barrier) for _ in range(8)]
                assert sum(each.result() for each in passed) == 25

    @both
    def test_tell_what_is_left(self, store: Build) -> None:
        caller, rate, counters = someone(), RateLimitItemPerMinute(3), store()
        answers = [counters.take(rate, caller) for _ in range(4)]
        assert [a.allowed for a in answers] == [True, True, True, False]
        assert [a.remaining for a in answers] == [2, 1, 0, 0]
        assert {(a.limit, a.window) for a in answers} == {(3, 60)}
        assert all(55 <= a.wait <= 60 for a in answers)

    @both
    def test_count_each_caller_alone(self, store: Build) -> None:
        rate, counters = RateLimitItemPerMinute(1), store()
        assert counters.take(rate, someone()).allowed
        assert counters.take(rate, someone()).allowed

    @both
    def test_allow_no_second_burst_at_the_edge_of_a_window(self, store: Build) -> None:
        caller, rate, counters = someone(), RateLimitItemPerSecond(20, 2), store()
        began = time.monotonic()
        assert counters.take(rate, caller).allowed
        time.sleep(max(0.0, began + 1.7 - time.monotonic()))
        assert sum(counters.take(rate, caller).allowed for _ in range(30)) == 19
        time.sleep(max(0.0, began + 2.3 - time.monotonic()))
        again = sum(counters.take(rate, caller).allowed for _ in range(30))
        # Of the window before, what lies within two seconds still counts; a fixed window would let 20 through.
        assert again <= 10

    @both
    def test_have_room_once_the_caller_has_waited_as_told(self, store: Build) -> None:
        caller, rate, counters = someone(), RateLimitItemPerSecond(2), store()
        while (answer := counters.take(rate, caller)).allowed:
            pass
        time.sleep(answer.wait)
        assert counters.take(rate, caller).allowed

    def test_are_the_same_for_the_librarys_own_strategies(self) -> None:
        sliding, fixed = SlidingWindowCounterRateLimiter(PostgresCounters()), FixedWindowRateLimiter(PostgresCounters())
        for limiter in (sliding, fixed):
            rate, caller = RateLimitItemPerMinute(2), someone()
            assert [limiter.hit(rate, caller) for _ in range(3)] == [True, True, False]
            assert not limiter.test(rate, caller)
            assert limiter.get_window_stats(rate, caller).remaining == 0
            limiter.clear(rate, caller)
            assert limiter.hit(rate, caller)

    def test_survive_in_the_database_what_the_request_rolls_back(self) -> None:
        caller, rate = someone(), RateLimitItemPerMinute(1)
        assert PostgresCounters().take(rate, caller).allowed
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        assert not PostgresCounters().take(rate, caller).allowed

    def test_leave_no_rows_for_ever(self) -> None:
        RateCounter.objects.all().delete()
        counters, rate = PostgresCounters(), RateLimitItemPerMinute(1)
        for _ in range(150):
            counters.take(rate, someone())
        before = RateCounter.objects.count()
        RateCounter.objects.update(expires_at=RateCounter.objects.latest("expires_at").expires_at - timedelta(hours=1))
        for _ in range(100):
            counters.take(rate, someone())
        assert before >= 100
        assert RateCounter.objects.count() == 100

    def test_wait_for_no_disk(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'core_ratecounter'")
            assert cursor.fetchone() == ("u",)


class TestTheWindow:
    def test_weighs_the_one_before_by_what_is_left_of_this(self) -> None:
        rate = RateLimitItemPerMinute(10)
        assert taken(rate, Window(10, 2, 30.0), allowed=True).remaining == 3
        assert taken(rate, Window(0, 0, 60.0), allowed=True).remaining == 10

    @pytest.mark.parametrize(
        ("window", "seconds"),
        [
            (Window(0, 10, 42.5), 43),  # this window is full: until it ends
            (Window(10, 5, 30.0), 1),  # 5 + 5 of 10 used: a moment later there is room
            (Window(10, 9, 30.0), 24),  # one place is free for what the window before weighs, from 6 s left on
        ],
    )
    def test_says_when_there_is_room_again(self, window: Window, seconds: int) -> None:
        assert taken(RateLimitItemPerMinute(10), window, allowed=False).wait == seconds


class TestKeys:
    def test_hold_neither_address_nor_name(self) -> None:
        assert "192.0.2.7" not in key_of_address("192.0.2.7")
        assert "alice" not in key_of_name("alice")
        assert key_of_name("192.0.2.7") != key_of_address("192.0.2.7")

    def test_join_what_one_client_can_change_its_address_in(self) -> None:
        assert key_of_address("2001:db8::1") == key_of_address("2001:db8::ffff:1")
        assert key_of_address("2001:db8::1") != key_of_address("2001:db8:0:1::1")
        assert key_of_address("192.0.2.7") != key_of_address("192.0.2.8")
        assert key_of_address(None) == key_of_address(None)


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Each rate as (number, seconds), and what was wrong with the environment."""
    for name in [name for name in os.environ if name.startswith("RATE_LIMIT_")]:
        monkeypatch.delenv(name)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    env = Variables()
    rates = read_rates(env)
    return {name: (rate.amount, rate.get_expiry()) for name, rate in rates.items()}, env.problems


class TestRates:
    def test_have_the_documented_defaults(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sixty = dict.fromkeys(("ISSUANCE", "ORDERS", "SWAPS", "SETTLEMENT", "UPLOADS"), (60, 60))
        assert read(monkeypatch) == ({"USER": (100, 60), "ANON": (20, 60), "LOGINS": (10, 60), **sixty}, [])

    def test_are_read_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given = {"RATE_LIMIT_ORDERS": "5/second", "RATE_LIMIT_ANON": " 7/hour ", "RATE_LIMIT_USER": ""}
        rates, problems = read(monkeypatch, **given)
        assert (rates["ORDERS"], rates["ANON"], rates["USER"], problems) == ((5, 1), (7, 3600), (100, 60), [])

    @pytest.mark.parametrize("name", DEFAULTS)
    @pytest.mark.parametrize(
        "text", ["abc", "0/min", "-1/min", "100/fortnight", "1.5/min", "100", "/min", "١/min", "1/min;2/day", "1e3/min"]
    )
    def test_are_refused_by_name_when_they_are_none(
        self, monkeypatch: pytest.MonkeyPatch, name: str, text: str
    ) -> None:
        (problem,) = read(monkeypatch, **{f"RATE_LIMIT_{name}": text})[1]
        assert problem.startswith(f"RATE_LIMIT_{name} must be a rate")

    def test_are_refused_when_nobody_knows_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (problem,) = read(monkeypatch, RATE_LIMIT_ORDER="1/min")[1]
        assert problem.startswith("RATE_LIMIT_ORDER is not known: the rate limits are RATE_LIMIT_USER,")

    @pytest.mark.parametrize("name", ["RATE_LIMIT_SWAPS", "RATE_LIMIT_SWAP"])
    def test_stop_the_start(self, name: str) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=settings.BASE_DIR,
            env={**os.environ, name: "100/fortnight"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert f"{name} " in done.stderr
        assert "Traceback" not in done.stderr.splitlines()[-1]
