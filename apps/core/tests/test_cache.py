"""The cache: results served while they are right, whatever becomes of its server and of other processes."""

import copy
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache, caches
from django.db import connections
from pytest_django import fixtures

from apps.core import clock
from apps.core.actor import system_actor
from apps.core.cache import cache_key, cache_result, get_or_set_cache, invalidate
from apps.core.cache.backend import FallbackCache
from apps.core.cache.outage import PAUSE_SECONDS
from apps.core.db import run_sql, unit_of_work
from apps.core.models import CacheGeneration
from apps.core.testing.databases import ROOT, urls_of
from apps.core.tests.private_valkey import PrivateValkey


@pytest.fixture
def valkey(tmp_path: Path, settings: fixtures.Settings) -> Iterator[PrivateValkey]:
    """The default cache on a server of this test's own."""
    with PrivateValkey(tmp_path) as server:
        changed = copy.deepcopy(django_settings.CACHES)
        changed["default"]["LOCATION"] = server.url
        settings.CACHES = changed
        yield server


@pytest.fixture
def backend(valkey: PrivateValkey) -> FallbackCache:
    found = caches["default"]
    assert isinstance(found, FallbackCache)
    return found


def fresh(namespace: str) -> None:
    invalidate(namespace, now=clock.now())


def after_the_pause() -> None:
    time.sleep(PAUSE_SECONDS + 0.1)


class TestAKey:
    def test_tells_types_and_parts_apart(self) -> None:
        parts: list[tuple[Any, ...]] = [
            ("1",), (1,), (True,), (None,), ("None",), ("1", "2"), ("1:2",), (["1", "2"],), ("",), (),
            (Decimal(1),), (date(2026, 1, 1),), ("2026-01-01",), (UUID(int=1),), (["1,2"],), ("*",), ("%2A",),
        ]  # fmt: skip
        assert len({cache_key("ns", *given) for given in parts}) == len(parts)

    @pytest.mark.parametrize("part", [1.5, object(), {"a": 1}, system_actor(), b"x", {1}])
    def test_refuses_what_has_no_plain_value(self, part: object) -> None:
        with pytest.raises(TypeError, match="cannot be part of a cache key"):
            cache_key("ns", part)

    @pytest.mark.parametrize("pattern", ["*", "ns*", "ns:*:x", "ns:[a]*", "ns:?", "ns:", "", ":x", "NS", "ns x"])
    def test_is_no_pattern(self, pattern: str) -> None:
        with pytest.raises(ValueError, match="cache key"):
            invalidate(pattern, now=clock.now())
        if pattern:
            with pytest.raises(ValueError, match="cache key"):
                get_or_set_cache(pattern, lambda: 1)


@pytest.mark.usefixtures("books", "valkey")
class TestAResult:
    def test_is_computed_once_and_served_from_the_server(self, valkey: PrivateValkey) -> None:
        made: list[int] = []
        for _ in range(3):
            assert get_or_set_cache(cache_key("once"), lambda: made.append(1) or {"n": [1, None, "x"]}) == {
                "n": [1, None, "x"]
            }
        assert made == [1]
        assert valkey.say("EXISTS bookentry:1:result:once") == b":1\r\n"
        assert 290 <= int(valkey.say("TTL bookentry:1:result:once")[1:]) <= 300

    def test_is_not_kept_when_it_is_none_or_an_exception(self) -> None:
        made: list[int] = []

        def fail() -> None:
            made.append(1)
            raise ZeroDivisionError

        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                get_or_set_cache(cache_key("fails"), fail)
            assert get_or_set_cache(cache_key("none"), lambda: made.append(2)) is None
            assert get_or_set_cache(cache_key("kept"), lambda: made.append(3), cache_none=True) is None
        assert made == [1, 2, 3, 1, 2]

    @pytest.mark.parametrize("value", [(1, 2), {1: 2}, date(2026, 1, 1), float("nan"), Decimal(1), {1}, b"x"])
    def test_that_is_not_plain_is_refused(self, value: object) -> None:
        with pytest.raises(TypeError):
            get_or_set_cache(cache_key("odd"), lambda: value)

    @pytest.mark.parametrize("timeout", [0, -1, 86_401])
    def test_is_kept_for_a_bounded_time(self, timeout: int) -> None:
        with pytest.raises(ValueError, match="kept for"):
            get_or_set_cache(cache_key("timed"), lambda: 1, timeout=timeout)

    def test_of_a_function_goes_by_its_arguments_however_they_are_named(self) -> None:
        made: list[tuple[str, int]] = []

        @cache_result("added")
        def add(isin: str, number: int = 2) -> int:
            made.append((isin, number))
            return number

        assert [add("A"), add("A", 2), add(isin="A", number=2), add("A", 3), add("B")] == [2, 2, 2, 3, 2]
        assert made == [("A", 2), ("A", 3), ("B", 2)]
        invalidate(cache_key("added", "A"), now=clock.now())
        assert [add("A"), add("A", 3), add("B")] == [2, 3, 2]
        assert made[3:] == [("A", 2), ("A", 3)]
        invalidate("added:*", now=clock.now())
        add("B")
        assert made[5:] == [("B", 2)]

    def test_of_an_actor_is_refused(self) -> None:
        @cache_result("mine")
        def mine(actor: object) -> int:
            return 1

        with pytest.raises(TypeError):
            mine(system_actor())

    def test_under_a_long_key_is_kept_under_its_hash(self, valkey: PrivateValkey) -> None:
        key = cache_key("long", "x" * 5_000)
        assert [get_or_set_cache(key, lambda n=n: n) for n in (1, 2)] == [1, 1]
        invalidate(key, now=clock.now())
        assert get_or_set_cache(key, lambda: 3) == 3
        assert max(len(path) for path in CacheGeneration.objects.values_list("path", flat=True)) <= 255

    def test_with_a_pattern_in_its_data_makes_no_other_old(self) -> None:
        keys = [cache_key("quoted", name) for name in ("*", "a", "a*", "[a]")]
        for key in keys:
            get_or_set_cache(key, lambda: 1)
        invalidate(keys[0], now=clock.now())
        assert [get_or_set_cache(key, lambda: 2) for key in keys] == [2, 1, 1, 1]

    def test_within_a_transaction_is_neither_served_nor_kept(self) -> None:
        key = cache_key("inside")
        with unit_of_work():
            assert get_or_set_cache(key, lambda: "uncommitted") == "uncommitted"
        assert get_or_set_cache(key, lambda: "committed") == "committed"
        with unit_of_work():
            assert get_or_set_cache(key, lambda: "own") == "own"

    def test_stays_when_the_invalidation_is_rolled_back(self) -> None:
        key = cache_key("rolled")
        get_or_set_cache(key, lambda: 1)
        with pytest.raises(ZeroDivisionError), unit_of_work():
            invalidate(key, now=clock.now())
            raise ZeroDivisionError
        assert get_or_set_cache(key, lambda: 2) == 1

    def test_computed_before_a_change_is_not_served_after_it(self) -> None:
        key = cache_key("overtaken")

        def slow() -> str:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(in_thread, lambda: invalidate(key, now=clock.now())).result()
            return "old"

        assert get_or_set_cache(key, slow) == "old"
        assert get_or_set_cache(key, lambda: "new") == "new"

    def test_is_computed_by_one_of_many(self) -> None:
        made: list[int] = []
        barrier = threading.Barrier(8)

        def slow() -> int:
            made.append(1)
            time.sleep(0.5)
            return 7

        def ask() -> int:
            barrier.wait(30)
            return get_or_set_cache(cache_key("stampede"), slow)

        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(in_thread, ask) for _ in range(8)]
            assert [answer.result() for answer in answers] == [7] * 8
        assert made == [1]

    @pytest.mark.parametrize(
        "planted", ["not json", "17", '"text"', '{"tokens": null}', "cos\\nsystem\\n(S'true'\\ntR."]
    )
    def test_that_somebody_else_wrote_is_made_again(self, valkey: PrivateValkey, planted: str) -> None:
        fresh("planted")
        hexed = "".join(f"\\x{byte:02x}" for byte in planted.encode())
        assert valkey.say(f'SET bookentry:1:result:planted "{hexed}"') == b"+OK\r\n"
        assert get_or_set_cache(cache_key("planted"), lambda: "ours") == "ours"


def in_thread(act: Callable[[], Any]) -> Any:
    try:
        return act()
    finally:
        connections.close_all()


@pytest.mark.usefixtures("books")
class TestAnOutage:
    def test_in_the_midst_costs_little_and_hides_nothing(self, valkey: PrivateValkey) -> None:
        fresh("midst")
        key = cache_key("midst")
        get_or_set_cache(key, lambda: 1)
        valkey.freeze()
        began = time.monotonic()
        assert get_or_set_cache(key, lambda: 2) == 2
        assert time.monotonic() - began < 0.5
        began = time.monotonic()
        assert [get_or_set_cache(key, lambda: 3) for _ in range(20)] == [2] * 20
        assert time.monotonic() - began < 1
        valkey.thaw()

    @pytest.mark.parametrize("end", ["kill", "freeze"])
    def test_asks_a_dead_server_only_now_and_then(
        self, valkey: PrivateValkey, backend: FallbackCache, end: str
    ) -> None:
        backend.set("k", 1)
        getattr(valkey, end)()
        began = time.monotonic()
        for _ in range(500):
            backend.get("other")
        assert time.monotonic() - began < 0.05 * 500 / 10  # a tenth of what asking each time would cost

    def test_brings_back_nothing_that_was_written_during_it(
        self, valkey: PrivateValkey, backend: FallbackCache
    ) -> None:
        backend.set("written", "before")
        backend.set("deleted", "before")
        backend.set("untouched", "before")
        valkey.kill()
        backend.set("written", "during")
        backend.delete("deleted")
        assert (backend.get("written"), backend.get("deleted"), backend.get("untouched")) == ("during", None, None)
        valkey.start()
        assert backend.answers()
        after_the_pause()
        assert (backend.get("written"), backend.get("deleted"), backend.get("untouched")) == (None, None, "before")
        backend.set("written", "after")
        valkey.kill()
        assert backend.get("written") is None

    def test_loses_no_invalidation(self, valkey: PrivateValkey) -> None:
        fresh("outage")
        key = cache_key("outage")
        assert get_or_set_cache(key, lambda: "before") == "before"
        valkey.kill()
        assert get_or_set_cache(key, lambda: "during") == "during"
        invalidate(key, now=clock.now())
        assert get_or_set_cache(key, lambda: "changed") == "changed"
        valkey.start()
        after_the_pause()
        assert get_or_set_cache(key, lambda: "after") == "after"

    def test_is_over_when_the_server_is_back(self, valkey: PrivateValkey, backend: FallbackCache) -> None:
        backend.set("k", 1)
        valkey.kill()
        valkey.start()
        backend.set("k", 2)
        after_the_pause()
        backend.set("k", 3)
        assert valkey.say("GET bookentry:1:k") == b"$1\r\n"
        assert backend.get("k") == 3

    def test_keeps_memory_bounded(self, valkey: PrivateValkey, backend: FallbackCache) -> None:
        valkey.kill()
        for n in range(3_000):
            backend.set(f"k{n}", n)
        assert sum(backend.get(f"k{n}") is not None for n in range(3_000)) <= 1_000

    def test_refuses_what_other_processes_could_not_follow(self, backend: FallbackCache) -> None:
        for refused in (lambda: cache.delete_pattern("*"), cache.clear):
            with pytest.raises(NotImplementedError):
                refused()


class Reader:
    """Another process, on the same database and cache server."""

    def __init__(self, books: str, url: str) -> None:
        env = {**os.environ, **urls_of(books), "REDIS_URL": url}
        words = [sys.executable, "-m", "apps.core.tests.cache_reader"]
        self._process = subprocess.Popen(words, cwd=ROOT, env=env, stdin=-1, stdout=-1, text=True)

    def say(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


class TestTwoProcesses:
    def test_see_each_others_changes_with_the_server_without_it_and_after_it(self, books: str, tmp_path: Path) -> None:
        run_sql("INSERT INTO core_enginestate (name, epoch, host, last_error) VALUES ('reader', 0, '', 'first')")
        with PrivateValkey(tmp_path) as server, Reader(books, server.url) as one, Reader(books, server.url) as two:
            assert (one.say("get"), two.say("get")) == ("first", "first")
            assert one.say("put second") == "done"
            assert (two.say("get"), one.say("get")) == ("second", "second")
            run_sql("UPDATE core_enginestate SET last_error = 'unannounced' WHERE name = 'reader'")
            assert (two.say("get"), one.say("get")) == ("second", "second")  # it is the cache that answers
            server.kill()
            assert (one.say("get"), two.say("get")) == ("unannounced", "unannounced")
            one.say("put third")
            assert (two.say("get"), one.say("get")) == ("third", "third")
            server.start()
            after_the_pause()
            assert (two.say("get"), one.say("get")) == ("third", "third")
            two.say("put fourth")
            assert (one.say("get"), two.say("get")) == ("fourth", "fourth")
