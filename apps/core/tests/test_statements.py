"""Statements are named by verb and table wherever the wire is cut, and a proxy tells each of them once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.core.db import copy_rows, fetch_all, fetch_one, run_sql
from apps.core.testing.statements import ClientMessages, ServerMessages, name_of, only_reads
from apps.core.testing.wire import StatementProxy

NAMES = [
    ('INSERT INTO "chain_block" ("id", "hash") VALUES (1, \'UPDATE x SET y\') RETURNING "id"', "INSERT chain_block"),
    ('UPDATE "chain_txintent" SET "state" = 1', "UPDATE chain_txintent"),
    ("UPDATE ONLY a SET b = 1", "UPDATE a"),
    ("DELETE FROM core_outboxpending WHERE id = 4", "DELETE core_outboxpending"),
    ('COPY "chain_rawlog" ("id") FROM STDIN', "COPY chain_rawlog"),
    ("CREATE TEMP TABLE incoming (LIKE chain_rawlog) ON COMMIT DROP", "CREATE incoming"),
    ("  \n -- why\n /* and\n how */ SELECT 1 FROM a", "SELECT a"),
    ('SELECT "a"."b" FROM "a" INNER JOIN "c" ON 1 = 1 WHERE x FOR NO KEY UPDATE OF "a"', "SELECT a FOR UPDATE"),
    ("SELECT pg_notify('chain', '')", "SELECT pg_notify"),
    ("SELECT CASE x WHEN 'own' THEN pg_try_advisory_lock(1, hashtext('a')) END", "SELECT pg_try_advisory_lock"),
    ("SELECT now()", "SELECT"),
    ("(SELECT 1 FROM a) UNION (SELECT 2 FROM b)", "SELECT a"),
    ("WITH new AS (SELECT 1 FROM b) INSERT INTO a SELECT * FROM new", "INSERT a"),
    ("WITH taken AS (UPDATE nonce n SET next = next + 1 RETURNING next) SELECT next FROM taken", "UPDATE nonce"),
    ("WITH gone AS (DELETE FROM a RETURNING *) SELECT * FROM gone", "DELETE a"),
    ("WITH found AS (SELECT update FROM a) SELECT * FROM found", "SELECT a"),
    ("BEGIN", "BEGIN"),
    ("BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN"),
    ("COMMIT", "COMMIT"),
    ("ROLLBACK", "ROLLBACK"),
    ('SAVEPOINT "s1"', "SAVEPOINT"),
    ('RELEASE SAVEPOINT "s1"', "RELEASE"),
    ('ROLLBACK TO SAVEPOINT "s1"', "ROLLBACK TO"),
    ("SET LOCAL lock_timeout = '1s'", "SET lock_timeout"),
    ("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS"),
    ('LISTEN "outbox"', "LISTEN outbox"),
    ("NOTIFY outbox", "NOTIFY outbox"),
    ("VALUES (1)", "SELECT"),
    ("", ""),
]


class TestNames:
    @pytest.mark.parametrize(("sql", "name"), NAMES, ids=[name for _, name in NAMES])
    def test_tell_verb_and_table_and_no_value(self, sql: str, name: str) -> None:
        assert name_of(sql) == name

    def test_tell_what_only_reads(self) -> None:
        assert all(only_reads(name) for name in ("SELECT a", "SHOW x", "SET lock_timeout"))
        writing = (
            "SELECT",
            "SELECT a FOR UPDATE",
            "SELECT pg_notify",
            "SET CONSTRAINTS",
            "COMMIT",
            "BEGIN",
            "INSERT a",
        )
        assert not any(only_reads(name) for name in writing)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


class TestMessages:
    START = message(b"", (80877103).to_bytes(4, "big")) + message(b"", (196608).to_bytes(4, "big") + b"user\0app\0\0")
    TALK = (
        message(b"p", b"secret\0")
        + message(b"Q", b"BEGIN\0")
        + message(b"Q", b'COPY "a" ("b") FROM STDIN\0')
        + message(b"d", b"Q\0\0\0\x0aCOMMIT")
        + message(b"c", b"")
        + message(b"Q", b"COMMIT\0")
        + message(b"X", b"")
    )

    @pytest.mark.parametrize("size", [1, 3, 7, 1000])
    def test_are_cut_alike_however_they_come(self, size: int) -> None:
        data, client = self.START + self.TALK, ClientMessages()
        found = [each for at in range(0, len(data), size) for each in client.feed(data[at : at + size])]
        assert [each.name for each in found if each.name] == ["BEGIN", "COPY a", "COPY a DONE", "COMMIT"]
        assert [each.kind for each in found].count("encryption") == 1
        assert b"".join(each.raw for each in found) == data

    @pytest.mark.parametrize("size", [1, 4, 1000])
    def test_of_the_server_end_an_answer_where_it_is_ready(self, size: int) -> None:
        server = ServerMessages()
        row = message(b"D", b"Z\0\0\0\x05")
        data = row + message(b"C", b"SELECT 1\0") + message(b"Z", b"I") + row + message(b"G", b"\0\0\0")
        ends = [server.answered(data[at : at + size]) for at in range(0, len(data), size)]
        assert sum(ends) == (1 if size == 1000 else 2)
        assert ends[-1]


@dataclass
class Noting:
    """A watch that lets all pass, until a name that it forbids."""

    forbidden: str = ""
    asked: list[str] = field(default_factory=list)
    answered: list[tuple[str, int]] = field(default_factory=list)

    def before(self, act: str) -> int | None:
        self.asked.append(act)
        return None if act == self.forbidden else len(self.asked)

    def after(self, act: str, nth: int) -> bool:
        self.answered.append((act, nth))
        return True


@contextmanager
def watched(watch: Noting) -> Iterator[None]:
    """This thread's database is asked through a proxy."""
    settings = connections.settings["default"]
    true = {"HOST": settings["HOST"], "PORT": settings["PORT"]}
    with StatementProxy((true["HOST"], int(true["PORT"])), watch) as proxy:
        connections.close_all()
        settings.update(HOST="127.0.0.1", PORT=proxy.port)
        try:
            yield
        finally:
            connections.close_all()
            settings.update(true)


@pytest.mark.usefixtures("books")
class TestProxy:
    def test_tells_every_statement_once_in_order(self) -> None:
        with watched(watch := Noting()):
            fetch_one("SELECT 1")
            watch.asked.clear()
            watch.answered.clear()
            with transaction.atomic():
                run_sql("CREATE TEMP TABLE passing (id integer PRIMARY KEY) ON COMMIT DROP")
                assert copy_rows("passing", ["id"], [[number] for number in range(20_000)]) == 20_000
                with suppress(DatabaseError), transaction.atomic():
                    copy_rows("passing", ["id"], [[1]])
                assert fetch_all("SELECT count(*), repeat('x', 2000000) IS NULL FROM passing") == [(20_000, False)]
        assert watch.asked == [
            "BEGIN",
            "CREATE passing",
            "COPY passing",
            "COPY passing DONE",
            "SAVEPOINT",
            "COPY passing",
            "COPY passing DONE",
            "ROLLBACK TO",
            "RELEASE",
            "SELECT passing",
            "COMMIT",
        ]
        assert [act for act, _ in watch.answered] == watch.asked
        assert [nth for _, nth in watch.answered] == list(range(watch.answered[0][1], watch.answered[0][1] + 11))

    def test_lets_nothing_pass_that_is_forbidden(self) -> None:
        run_sql("DELETE FROM core_enginestate")
        statement = "INSERT INTO core_enginestate (name, epoch, pid, host, heartbeat_at, last_error) "
        with watched(Noting("COMMIT")), pytest.raises(DatabaseError), transaction.atomic():
            run_sql(statement + "VALUES ('lost', 1, 1, '', now(), '')")
        assert fetch_one("SELECT count(*) FROM core_enginestate") == (0,)
        assert connection.is_usable()
