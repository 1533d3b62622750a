"""The schedule and the command line: work as leased rows, and exit statuses."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections
from django.test import override_settings

from apps.chain.testing import ChainPlatform
from apps.core import clock
from apps.core.db import Advisory
from apps.core.devstack.ports import free_port
from apps.core.leases import sweep, take
from apps.core.models import WorkItem
from apps.core.testing import databases
from apps.core.types import WorkState
from apps.ledger.selectors.balances import sequence
from apps.reconciliation.models import Run
from apps.reconciliation.services.schedule import KIND, queue_due, run_due
from apps.reconciliation.tasks import reconcile_all
from apps.reconciliation.tests.stage import Stage, as_owner

CASH_SLIPS = (
    "UPDATE ledger_balance b SET posted = posted + 1 FROM ledger_account a "
    "WHERE a.id = b.account_id AND a.asset = 'USDX' AND a.wallet_address = %s"
)


@pytest.fixture(scope="class")
def stage(chain_platform: ChainPlatform) -> Stage:
    return Stage(chain_platform)


@contextmanager
def other_session() -> Iterator[Any]:
    """A session of another process."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    where = {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password}
    with closing(psycopg2.connect(dbname=name, **where)) as other, other.cursor() as cursor:
        yield cursor


def command(*args: str) -> tuple[int, Any]:
    """Exit status and output of `manage.py reconcile`."""
    out = StringIO()
    try:
        call_command("reconcile", *args, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def reconcile_due(*, now: datetime) -> int:
    """What a wake-up does."""
    queue_due(now=now)
    return run_due(now=now)


def states() -> list[str]:
    return list(WorkItem.objects.filter(kind=KIND).order_by("created_at").values_list("state", flat=True))


class TestSchedule:
    """One stage for schedule and command, in the order of the tests."""

    def test_runs_what_the_night_and_the_hour_owed_once(self, stage: Stage) -> None:
        now = clock.now()
        assert reconcile_due(now=now) == 2
        assert reconcile_due(now=now) == 0
        assert (states(), Run.objects.count()) == ([WorkState.DONE] * 2, 2)
        night, hour = Run.objects.order_by("pk")
        assert (night.depth, night.whole, hour.depth, hour.whole) == ("FULL", True, "FOLD", False)
        assert {(row.status, row.user_id) for row in (night, hour)} == {("CLEAN", None)}

    def test_a_security_has_one_run_at_a_time(self, stage: Stage) -> None:
        """Another process has begun one: ours is tried again, and changes nothing."""
        before, now = Run.objects.count(), datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
        connections.close_all()
        with other_session() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [Advisory.RECONCILING, stage.isin])
            assert reconcile_due(now=now) == 0
        assert Run.objects.count() == before
        waiting = WorkItem.objects.filter(kind=KIND, state=WorkState.QUEUED)
        assert set(waiting.values_list("last_error", flat=True)) == {"run_under_way"}
        assert reconcile_due(now=now + timedelta(minutes=10)) == 2

    def test_queues_by_the_day_that_began_at_two(self, stage: Stage) -> None:
        keys = set()
        for hour, minute in ((1, 59), (2, 0), (23, 0)):
            with override_settings(CHAIN_RPC_URL=stage.platform.url):
                reconcile_due(now=datetime(2027, 3, 2, hour, minute, tzinfo=UTC))
            keys |= set(WorkItem.objects.filter(kind=KIND).values_list("key", flat=True))
        assert {f"{stage.isin}:2027-03-01", f"{stage.isin}:2027-03-02"} <= keys
        assert f"{stage.isin}:2027-03-03" not in keys
        assert {f"{stage.isin}:2027-03-02T{hour}" for hour in ("01", "02", "23")} <= keys

    def test_leases_from_when_a_run_begins_however_long_the_runs_before_it_took(self, stage: Stage) -> None:
        """A wake-up's own time may be an hour old when the last of many securities is taken."""
        began, swept = clock.now() - timedelta(hours=1), []

        def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            if 'INSERT INTO "reconciliation_run"' in str(sql):
                swept.append(sweep(now=clock.now()))
            return execute(sql, params, many, context)

        WorkItem.objects.filter(kind=KIND).update(state=WorkState.DONE, lease_token=None, lease_until=None)
        WorkItem.objects.create(
            kind=KIND, key="a late one", payload={"isin": stage.isin}, run_at=began, created_at=began
        )
        with connection.execute_wrapper(watch):
            assert run_due(now=began) == 1
        assert swept == [0]
        assert WorkItem.objects.get(key="a late one").state == WorkState.DONE

    def test_tries_again_later_when_nothing_could_be_concluded(self, stage: Stage) -> None:
        now = datetime(2027, 3, 4, 2, 0, tzinfo=UTC)
        with override_settings(CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}"):
            assert reconcile_due(now=now) == 0
        item = WorkItem.objects.get(kind=KIND, key=f"{stage.isin}:2027-03-04")
        assert (item.state, item.attempts, item.last_error) == (WorkState.QUEUED, 1, "INCOMPLETE")
        assert reconcile_due(now=now + timedelta(minutes=9)) == 0
        assert reconcile_due(now=now + timedelta(minutes=10)) == 2

    def test_gives_a_dead_workers_run_to_the_next(self, stage: Stage) -> None:
        now = datetime(2027, 3, 5, 2, 0, tzinfo=UTC)
        with override_settings(CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}"):
            reconcile_due(now=now)
        (dead,) = take(kind=KIND, now=now + timedelta(minutes=10))
        assert reconcile_due(now=now + timedelta(minutes=11)) == 1  # the hour's
        sweep(now=now + timedelta(minutes=11))
        assert reconcile_due(now=now + timedelta(minutes=12)) == 1
        assert WorkItem.objects.get(pk=dead.work_id).state == WorkState.DONE

    def test_is_woken_by_beat_every_hour_and_often_enough_to_miss_nothing(self, stage: Stage) -> None:
        entries = [e for e in settings.CELERY_BEAT_SCHEDULE.values() if e["task"] == reconcile_all.name]
        hourly, often = entries
        assert (len(hourly["schedule"].hour), hourly["schedule"].minute) == (24, {0})
        assert len(often["schedule"].minute) >= 4
        reconcile_all()  # unless an hour began meanwhile, nothing is left to do
        before = Run.objects.count()
        reconcile_all()
        assert Run.objects.count() <= before + 1

    # The command line

    def test_prints_a_clean_run_as_json_and_ends_with_0(self, stage: Stage) -> None:
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "reconcile", "--isin", stage.isin, "--json"],
            env=stage.platform.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        run = json.loads(done.stdout)
        assert (run["isin"], run["status"], run["breaks"]) == (stage.isin, "CLEAN", [])
        assert run["cut_off"]["block_hash"].startswith("0x")

    def test_prints_all_as_a_list_and_a_table_for_people(self, stage: Stage) -> None:
        status, out = command("--json")
        assert (status, [run["isin"] for run in json.loads(out)]) == (0, [stage.isin])
        status, out = command("--isin", stage.isin)
        assert status == 0
        assert f"{stage.isin}  CLEAN  (2 wallets)" in out

    def test_looks_at_all_asks_for_all_or_looks_back(self, stage: Stage) -> None:
        status, out = command("--isin", stage.isin, "--full", "--json")
        run = json.loads(out)
        assert (status, run["depth"], run["whole"]) == (0, "FULL", True)
        status, out = command("--isin", stage.isin, "--incremental", "--json")
        assert (status, json.loads(out)["whole"], json.loads(out)["wallets"]) == (0, False, 0)
        stage.pay(stage.alice, 9)
        stage.settle_down()
        before, cut = Run.objects.count(), ("block_hash", "ledger_sequence")
        status, out = command("--isin", stage.isin, "--at-block", str(run["cut_off"]["block_number"]), "--json")
        back = json.loads(out)
        assert (status, back["status"], back["breaks"]) == (0, "CLEAN", [])
        assert [back["cut_off"][name] for name in cut] == [run["cut_off"][name] for name in cut]
        assert run["cut_off"]["ledger_sequence"] < sequence()
        status, out = command("--isin", stage.isin, "--at-block", "99999999", "--json")
        assert (status, json.loads(out)["status"]) == (2, "INCOMPLETE")
        assert "is not in them yet" in json.loads(out)["problems"][0]
        assert Run.objects.count() == before

    def test_ends_with_1_on_breaks(self, stage: Stage) -> None:
        as_owner(CASH_SLIPS, [stage.bob])
        status, out = command("--isin", stage.isin)
        assert status == 1
        assert "CASH_LEG" in out
        assert "books           0.000501  chain           0.000500" in out

    def test_says_how_many_wallets_it_looked_at(self, stage: Stage) -> None:
        as_owner(CASH_SLIPS, [stage.bob])
        asked = ((), ("--incremental",), ("--at-block", "99999999"))
        said = [command("--isin", stage.isin, *args)[1].splitlines()[0] for args in asked]
        named = ("BREAKS  (2 wallets)", "BREAKS  (1 wallet)", "INCOMPLETE  (0 wallets)")
        assert said == [f"{stage.isin}  {words}" for words in named]

    def test_ends_with_2_when_the_node_is_down(self, stage: Stage) -> None:
        with override_settings(CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}"):
            status, out = command("--isin", stage.isin, "--json")
        assert (status, json.loads(out)["status"]) == (2, "INCOMPLETE")

    def test_ends_with_2_when_nothing_can_be_known(self, stage: Stage) -> None:
        with databases.in_force("no_such_database"):
            assert command("--isin", stage.isin)[0] == 2
        with override_settings(CHAIN_RPC_URL="http://["):  # not even an address: no failure of a node
            assert command("--isin", stage.isin)[0] == 2

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("--isin", "X"), "X is not a valid ISIN"),
            (("--isin", "US5949181045"), "There is no security with this ISIN"),
            (("--incremental", "--full"), "--incremental looks at what changed"),
            (("--at-block", "-1"), "takes a block's number"),
            (("--colour",), "unrecognized arguments"),
        ],
    )
    def test_ends_with_3_and_one_line_on_bad_input(self, stage: Stage, args: tuple[str, ...], said: str) -> None:
        before = Run.objects.count()
        status, line = command(*args)
        assert status == 3
        assert said in line
        assert "\n" not in line
        assert Run.objects.count() == before
