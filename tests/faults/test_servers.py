"""Valkey and PostgreSQL killed and restarted under load: what is refused says so, what was accepted stays, once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from apps.core.devstack.layout import CHECKOUT, Home
from apps.core.devstack.plan import project_plan
from apps.core.devstack.ports import free_port
from tests.faults.load import Answer, Load
from tests.faults.parts import Parts, Servers, parts, private_servers, until

ENGINES = ("matcher", "relay", "sweeper")
TRADERS = 4
# Until web and matcher have found a restarted server again; machines differ.
RECOVERY_SECONDS = 15.0


class Site:
    """The product on servers of its own, under load."""

    def __init__(self, servers: Servers, running: Parts, load: Load, owner_url: str) -> None:
        self.servers, self.running, self.load, self._owner_url = servers, running, load, owner_url
        self.pids = {name: running.pid(name) for name in ("web", "engines", "worker")}

    def rows(self, statement: str) -> list[Any]:
        """What the books say."""
        connection = psycopg2.connect(self._owner_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def recovers(self) -> float:
        """Wait until orders are decided again; how long it took."""
        began = time.monotonic()
        return until(
            lambda: any(answer.status == 201 for answer in self.load.since(began)),
            RECOVERY_SECONDS,
            "orders go through",
        )

    def untouched(self) -> bool:
        """Whether no process had to be started again."""
        return self.pids == {name: self.running.pid(name) for name in self.pids} and not any(
            self.running.ended(name) for name in self.pids
        )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with ExitStack() as stack:
        servers = stack.enter_context(private_servers())
        urls = servers.start(servers.postgres) | servers.start(servers.valkey)
        rates = {f"RATE_LIMIT_{scope}": "1000000/min" for scope in ("USER", "ORDERS", "ANON")}
        environment = {**os.environ, **urls, **rates, "ACCESS_TOKEN_SECONDS": "3600", "LOG_LEVEL": "WARNING"}
        for name in ("DATABASE_DIRECT_URL", "CELERY_BROKER_URL"):
            environment.pop(name, None)
        running = stack.enter_context(parts(environment))
        port = free_port()
        run(environment, "manage.py", "migrate", "--verbosity", "0")
        market = json.loads(run(environment, "-m", "tests.faults.market", str(TRADERS)))
        plan = {
            child.name: child for child in project_plan(Home.of("test", Path(running.file("home"))), port=port).children
        }
        running.start("web", *plan["web"].argv[1:])
        running.manage("engines", "run_engines", *ENGINES)
        running.worker("worker")
        load = Load(port, market["isin"], market["tokens"])
        found = Site(servers, running, load, urls["DATABASE_OWNER_URL"])
        until(lambda: load.place(0, "first").status in {201, 202}, 60, "the first order")
        with load:
            yield found
        running.tell()


def run(environment: dict[str, str], *words: str) -> str:
    """Run a Python program; what it printed last."""
    done = subprocess.run(
        [sys.executable, *words], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (done.stdout.strip().splitlines() or [""])[-1]


def told(answers: list[Answer]) -> Counter[int]:
    """How many answers of each status."""
    return Counter(answer.status for answer in answers)


def failures(answers: list[Answer]) -> list[Answer]:
    """Server errors, and requests that were not answered."""
    return [answer for answer in answers if answer.status >= 500 or not answer.status]


def assert_once(site: Site) -> None:
    """Every accepted order is in the books, exactly once, and decided; nothing is there that nobody asked for."""
    site.load.stop()
    accepted = set(site.load.accepted())
    assert len(accepted) > 10
    until(lambda: site.rows("SELECT count(*) FROM dex_inbox") == [(0,)], 30, "the matcher has decided all there is")
    known = Counter(row[0] for row in site.rows("SELECT client_command_id FROM dex_command"))
    assert accepted <= set(known)
    assert set(known.values()) == {1}
    orders = site.rows("SELECT count(*), count(DISTINCT id) FROM dex_order")
    assert orders == [(len(known), len(known))]
    holds = site.rows("SELECT sum(held) FROM ledger_balance")
    assert holds == [(len(known) * 1_000_000,)], "one unit of cash is held for each order"


def sound(answer: Answer) -> bool:
    """Whether a failure says that it is one, in the envelope, and when to come again."""
    said = isinstance(answer.body, dict) and answer.body.get("error", {}).get("code") == "unavailable"
    return answer.status == 503 and answer.retry_after is not None and said


@pytest.mark.soak
class TestValkeyUnderLoad:
    def test_killed_and_restarted_costs_no_request(self, site: Site) -> None:
        began = time.monotonic()
        for _ in range(2):
            site.servers.kill(site.servers.valkey)
            time.sleep(1)
            site.servers.start(site.servers.valkey)
            time.sleep(1)
        answers = site.load.since(began)
        print(f"Valkey killed: {dict(told(answers))}")
        assert failures(answers) == []
        assert len(answers) > 10
        assert site.untouched()


class TestPostgresUnderLoad:
    @pytest.mark.parametrize(
        "how", [*(pytest.param(how, marks=pytest.mark.soak) for how in (signal.SIGINT, signal.SIGQUIT)), signal.SIGKILL]
    )
    def test_restarted_fails_only_what_is_in_flight_and_says_so(self, site: Site, how: signal.Signals) -> None:
        began = time.monotonic()
        if how == signal.SIGKILL:
            site.servers.kill(site.servers.postgres)
        else:
            site.servers.stop(site.servers.postgres, how)
        site.servers.start(site.servers.postgres)
        up = time.monotonic()
        seconds = site.recovers()
        answers = site.load.since(began)
        failed = failures(answers)
        print(f"{how.name}: down {up - began:.1f} s, orders again after {seconds:.1f} s, {dict(told(answers))}")
        assert [answer for answer in failed if not sound(answer)] == []
        time.sleep(3)
        assert failures(site.load.since(up + seconds + 1)) == []
        assert site.untouched()

    def test_lost_nothing_that_was_accepted_and_did_nothing_twice(self, site: Site) -> None:
        assert_once(site)
