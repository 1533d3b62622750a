"""Development servers: shared, found again, side by side, and gone when stopped."""

import json
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg2
import pytest
import redis

from apps.core import devstack
from apps.core.devstack.anvil import call
from apps.core.devstack.layout import CHECKOUT, Home
from apps.core.devstack.processes import ProcessRecord
from tests.devstack.conftest import processes_of

START = """
import sys, time
from pathlib import Path
from apps.core import devstack
time.sleep(max(0, float(sys.argv[2]) - time.time()))
urls = devstack.ensure("test", root=Path(sys.argv[1]))
print(urls.DATABASE_URL, urls.REDIS_URL, urls.CHAIN_RPC_URL)
"""


def port_of(url: str | None) -> int:
    port = urlsplit(url or "").port
    assert port is not None
    return port


class TestProcessesThatStartAtOnce:
    def test_share_one_server_of_each_kind(self, root: Path) -> None:
        moment = str(time.time() + 1.0)
        starters = [
            subprocess.Popen(
                [sys.executable, "-c", START, str(root), moment], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        answers = {starter.communicate(timeout=60)[0].strip() for starter in starters}

        assert [starter.returncode for starter in starters] == [0, 0, 0, 0]
        assert len(answers) == 1
        assert len([line for line in processes_of(root) if "postgres -D" in line]) == 1
        assert len([line for line in processes_of(root) if "valkey-server" in line]) == 1
        assert len([line for line in processes_of(root) if "anvil --host" in line]) == 1


class TestRoles:
    @pytest.fixture
    def urls(self, root: Path) -> devstack.Urls:
        return devstack.ensure("test", ("postgres",), root=root)

    def test_neither_is_a_superuser_and_only_the_owner_creates_databases(self, urls: devstack.Urls) -> None:
        with psycopg2.connect(urls.DATABASE_OWNER_URL) as owner, owner.cursor() as cursor:
            cursor.execute(
                "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles "
                "WHERE rolname LIKE 'bookentry%' ORDER BY 1"
            )
            assert cursor.fetchall() == [
                ("bookentry_app", False, False, False, False),
                ("bookentry_owner", False, True, False, False),
            ]
            cursor.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'bookentry'")
            assert cursor.fetchall() == [("bookentry_owner",)]
        owner.close()

    def test_the_application_creates_nothing_and_sees_no_table_it_was_not_granted(self, urls: devstack.Urls) -> None:
        owner, app = psycopg2.connect(urls.DATABASE_OWNER_URL), psycopg2.connect(urls.DATABASE_URL)
        owner.autocommit = app.autocommit = True
        owner.cursor().execute("CREATE TABLE ledger (id bigint)")

        for refused in ("CREATE TABLE mine (id bigint)", "CREATE SCHEMA mine", "SELECT * FROM ledger"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                app.cursor().execute(refused)
        owner.close()
        app.close()

    def test_the_application_listens_notifies_and_takes_advisory_locks(self, urls: devstack.Urls) -> None:
        app = psycopg2.connect(urls.DATABASE_URL)
        app.autocommit = True
        cursor = app.cursor()
        cursor.execute("LISTEN orders")
        cursor.execute("NOTIFY orders, 'x'")
        cursor.execute("SELECT pg_try_advisory_lock(1)")
        assert cursor.fetchall() == [(True,)]
        app.poll()
        assert [(notice.channel, notice.payload) for notice in app.notifies] == [("orders", "x")]
        app.close()


class TestPorts:
    def test_are_the_same_after_a_restart(self, root: Path) -> None:
        before = devstack.ensure("test", root=root)
        devstack.stop("test", root=root)
        assert devstack.ensure("test", root=root) == before

    def test_give_way_to_a_stranger_who_took_one(self, root: Path) -> None:
        before = devstack.ensure("test", root=root)
        devstack.stop("test", root=root)
        with socket.create_server(("127.0.0.1", port_of(before.DATABASE_URL))):
            after = devstack.ensure("test", root=root)

        assert port_of(after.DATABASE_URL) != port_of(before.DATABASE_URL)
        assert (after.REDIS_URL, after.CHAIN_RPC_URL) == (before.REDIS_URL, before.CHAIN_RPC_URL)
        psycopg2.connect(after.DATABASE_URL).close()


class TestSecrets:
    def test_are_in_files_of_their_owner_and_not_in_command_lines(self, root: Path) -> None:
        urls = devstack.ensure("test", root=root)
        passwords = [urlsplit(url or "").password or "?" for url in (urls.DATABASE_URL, urls.REDIS_URL)]
        holding = [
            path
            for path in root.rglob("*")
            if path.is_file() and any(word.encode() in path.read_bytes() for word in passwords)
        ]
        assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}
        assert not [line for line in processes_of(root) if any(word in line for word in passwords)]


class TestAKilledServer:
    def test_starts_again_at_once_with_its_data(self, root: Path) -> None:
        urls = devstack.ensure("dev", ("postgres", "valkey"), root=root)
        owner = psycopg2.connect(urls.DATABASE_OWNER_URL)
        with owner, owner.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 7 AS n")
        killed = [psutil.Process(pid) for pid in devstack.status("dev", root=root).values() if pid]
        assert len(killed) == 2
        for process in killed:
            process.kill()
        psutil.wait_procs(killed, timeout=5)

        assert devstack.ensure("dev", ("postgres", "valkey"), root=root) == urls
        again = psycopg2.connect(urls.DATABASE_OWNER_URL)
        with again, again.cursor() as cursor:
            cursor.execute("SELECT n FROM kept")
            assert cursor.fetchall() == [(7,)]
        again.close()
        assert redis.from_url(urls.REDIS_URL).ping()


class TestTheChain:
    def test_goes_on_after_a_restart_and_its_final_block_is_readable(self, root: Path) -> None:
        port = port_of(devstack.ensure("dev", ("anvil",), root=root).CHAIN_RPC_URL)
        call(port, "anvil_mine", "0x9")
        seventh = call(port, "eth_getBlockByNumber", "0x7", False)["hash"]
        devstack.stop("dev", root=root)
        port = port_of(devstack.ensure("dev", ("anvil",), root=root).CHAIN_RPC_URL)

        assert call(port, "eth_getBlockByNumber", "0x7", False)["hash"] == seventh
        assert call(port, "eth_chainId") == "0x7a69"
        final = call(port, "eth_getBlockByNumber", "finalized", False)["hash"]
        account = call(port, "eth_accounts")[0]
        assert int(call(port, "eth_getBalance", account, {"blockHash": final}), 16) > 0

    def test_refuses_a_transaction_above_the_gas_cap_of_main_net(self, root: Path) -> None:
        port = port_of(devstack.ensure("test", ("anvil",), root=root).CHAIN_RPC_URL)
        account = call(port, "eth_accounts")[0]
        cap = 2**24
        assert call(port, "eth_sendTransaction", {"from": account, "to": account, "gas": hex(cap)})
        assert call(port, "eth_sendTransaction", {"from": account, "to": account, "gas": hex(cap + 1)}) is None


class TestTheEnvironment:
    def test_replaces_a_server_which_is_then_not_started(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1/0")
        monkeypatch.setenv("CHAIN_RPC_URL", "http://elsewhere:2")
        urls = devstack.ensure("test", root=root)

        assert (urls.REDIS_URL, urls.CHAIN_RPC_URL) == ("redis://elsewhere:1/0", "http://elsewhere:2")
        assert [name for name, pid in devstack.status("test", root=root).items() if pid] == ["postgres"]

    @pytest.mark.parametrize("alone", ["DATABASE_URL", "DATABASE_OWNER_URL"])
    def test_names_both_database_roles_or_none(self, root: Path, monkeypatch: pytest.MonkeyPatch, alone: str) -> None:
        monkeypatch.setenv(alone, "postgres://elsewhere/bookentry")
        with pytest.raises(devstack.DevstackError, match="DATABASE_URL and DATABASE_OWNER_URL go together"):
            devstack.ensure("test", root=root)
        assert processes_of(root) == []

    def test_receives_what_was_missing(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1/0")
        environment = dict(os.environ)
        try:
            urls = devstack.export_missing_urls("test", ("valkey", "anvil"), root=root)
            assert os.environ["CHAIN_RPC_URL"] == urls.CHAIN_RPC_URL
            assert os.environ["REDIS_URL"] == "redis://elsewhere:1/0"
            assert "DATABASE_URL" not in os.environ
        finally:
            os.environ.clear()
            os.environ.update(environment)


class TestTwoCheckouts:
    def test_run_side_by_side_and_stop_apart(self, root: Path, other_root: Path) -> None:
        one, two = devstack.ensure("test", root=root), devstack.ensure("test", root=other_root)
        assert len({*map(port_of, [*one.as_env().values(), *two.as_env().values()])}) == 6

        devstack.stop("test", root=root)
        assert processes_of(root) == []
        psycopg2.connect(two.DATABASE_URL).close()
        assert redis.from_url(two.REDIS_URL).ping()


class TestStop:
    def test_leaves_no_process_of_any_profile(self, root: Path) -> None:
        devstack.ensure("test", root=root)
        devstack.ensure("demo", ("valkey", "anvil"), root=root)
        assert devstack.stop(root=root) == {"demo": ("valkey", "anvil"), "test": ("postgres", "valkey", "anvil")}
        assert processes_of(root) == []

    def test_ends_a_server_whose_pid_file_was_lost(self, root: Path) -> None:
        devstack.ensure("test", ("anvil",), root=root)
        (Home.of("test", root).pids / "anvil.json").unlink()
        devstack.stop("test", root=root)
        assert processes_of(root) == []

    def test_spares_a_stranger_who_got_the_pid_of_an_old_server(self, root: Path) -> None:
        devstack.ensure("test", ("valkey",), root=root)
        devstack.stop("test", root=root)
        stranger = subprocess.Popen(["sleep", "60"])
        try:
            started = psutil.Process(stranger.pid).create_time()
            ProcessRecord(stranger.pid, started - 3600).write(Home.of("test", root).pids / "valkey.json")
            assert devstack.stop("test", root=root) == {"test": ()}
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


class TestWhatCannotStart:
    def test_says_one_line_and_leaves_nothing_running(self, root: Path) -> None:
        home = Home.of("test", root)
        home.create()
        home.state.write_text("{not json")
        with pytest.raises(devstack.DevstackError, match="run `make clean` to begin anew") as caught:
            devstack.ensure("test", root=root)
        assert "\n" not in str(caught.value)
        assert processes_of(root) == []

    def test_names_the_program_its_complaint_and_the_way_out(self, root: Path) -> None:
        devstack.ensure("dev", ("anvil",), root=root)
        devstack.stop("dev", root=root)
        saved = root / "dev" / "anvil" / "chain.json"
        saved.write_bytes(saved.read_bytes()[:1000])  # as a machine that lost power may leave it
        with pytest.raises(devstack.DevstackError) as caught:
            devstack.ensure("dev", root=root)
        said = str(caught.value)
        assert said.startswith("anvil could not be started (error: invalid value")
        assert said.endswith(f"`make stop` and removing {root / 'dev'} begins anew")
        assert processes_of(root) == []

    def test_ends_the_servers_that_did_start(self, root: Path) -> None:
        """A cluster whose passwords are lost cannot be used; Valkey, started beside it, goes too."""
        devstack.ensure("test", ("postgres",), root=root)
        devstack.stop("test", root=root)
        Home.of("test", root).state.write_text(json.dumps({"postgres": {"run_as": "nobody"}}))
        with pytest.raises(devstack.DevstackError, match=r"the passwords to .* are lost"):
            devstack.ensure("test", root=root)
        assert processes_of(root) == []

    def test_is_told_to_the_user_without_a_traceback(self, root: Path) -> None:
        env = {**os.environ, "DATABASE_URL": "postgres://elsewhere/bookentry"}
        command = [sys.executable, "-m", "apps.core.devstack", "start", "--profile", "bench"]
        done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("devstack: DATABASE_URL and DATABASE_OWNER_URL go together")
        assert done.stderr.count("\n") == 1
