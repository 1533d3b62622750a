"""Web and tasks behind PgBouncer in transaction mode; what needs a session goes past it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from apps.core.testing import databases
from tests.faults.pooler import pooled

ROOT = Path(__file__).resolve().parents[2]
# Asked in processes of their own: settings are read once.
TRY_LOCK = """
import django; django.setup()
from apps.core.daemon import elect
print(elect("behind_a_pooler"))
"""
SHOW = """
import django; django.setup()
from django.db import connection
from apps.core.db import fetch_one
names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
print([fetch_one(f"SHOW {name}")[0] for name in names], connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"])
"""


@pytest.fixture(scope="module")
def direct() -> str:
    return os.environ.get("DATABASE_DIRECT_URL") or os.environ["DATABASE_URL"]


@pytest.fixture(scope="module")
def pooler(direct: str) -> Iterator[str]:
    with pooled(direct) as url:
        yield url


def run(code: str, **urls: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **urls}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.soak
class TestBehindAPooler:
    def test_one_session_lock_may_be_given_to_two(self, pooler: str) -> None:
        """Why leaders are never elected here: PgBouncer lends both clients one session, which has the lock already."""
        taken = []
        for _ in range(2):
            client = psycopg2.connect(pooler)
            client.autocommit = True
            with client.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(987654, 321)")
                taken.append(cursor.fetchone())
            client.close()
        assert taken == [(True,), (True,)]

    @pytest.mark.usefixtures("books")
    def test_a_leader_is_elected_on_a_direct_connection(self, pooler: str, books: str, direct: str) -> None:
        urls = databases.urls_of(books, {"DATABASE_URL": pooler, "DATABASE_DIRECT_URL": direct})
        assert "epoch=1" in run(TRY_LOCK, **urls).stdout

    def test_a_pooler_is_refused_as_the_direct_connection(self, pooler: str, books: str) -> None:
        done = run(TRY_LOCK, **databases.urls_of(books, {"DATABASE_URL": pooler, "DATABASE_DIRECT_URL": pooler}))
        assert done.returncode != 0
        assert "unsupported startup parameter" in done.stderr

    def test_the_bounds_hold_without_startup_options(self, pooler: str, books: str, direct: str) -> None:
        done = run(SHOW, **databases.urls_of(books, {"DATABASE_URL": pooler, "DATABASE_DIRECT_URL": direct}))
        assert done.stdout.strip() == "['30s', '10s', '1min'] True", done.stderr

    def test_the_journeys_over_http_pass(self, pooler: str, direct: str) -> None:
        """The whole of tests/flows, web and tasks through the pooler, engines' locks and LISTEN past it."""
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not soak", "tests/flows", "--deselect", DEMO]
        environment = {**os.environ, "DATABASE_URL": pooler, "DATABASE_DIRECT_URL": direct}
        environment.pop("PYTEST_CURRENT_TEST", None)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


# It starts servers of its own, which no pooler stands before.
DEMO = "tests/flows/test_demo.py"
