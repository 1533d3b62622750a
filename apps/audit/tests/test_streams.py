"""An event's text, and the chain of its stream, as the database makes them."""

import hashlib
import json
from datetime import UTC
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
import rfc8785
from django.db import DatabaseError, connection

from apps.audit.models import AuditLog, AuditStream
from apps.audit.services.trail import log_audit_event
from apps.audit.types import RecordClass
from apps.core.actor import Actor, system_actor
from apps.core.db import fetch_one, run_sql, unit_of_work
from config.security.types.records import RetentionByClass

ACTOR = Actor(
    user_id=uuid4(), party_id=uuid4(), session_id=uuid4(), request_id="r-1", ip_address="::1", user_agent="curl/8"
)
ODD = 'a"b\\c/\b\f\n\r\t\x01\x1f\x7f\u2028é€😀'
CHOSEN = """
    INSERT INTO audit_auditlog (id, xid, created_at, stream_seq, prev_hash, source, action, resource_type, resource_id)
    OVERRIDING SYSTEM VALUE
    VALUES (9000000000, '5', '2001-01-01', 77, '\\xab', 'trigger', 'a', 'chosen', '1') RETURNING id
"""


def log(resource_id: str, actor: Actor = ACTOR, **changes: Any) -> int:
    return log_audit_event(actor=actor, action="test.done", resource_type="thing", resource_id=resource_id, **changes)


def body_of(pk: int) -> str:
    row = fetch_one("SELECT audit_body(e) FROM audit_auditlog e WHERE id = %s", [pk])
    assert row
    return str(row[0])


def leaf_hash(pk: int) -> bytes:
    return hashlib.sha256(b"\0" + body_of(pk).encode()).digest()


def text(value: object) -> str | None:
    return None if value is None else str(value)


def expected_body(pk: int) -> str:
    """The text as another program would write it from the columns."""
    row = AuditLog.objects.get(pk=pk)
    said = {
        "v": 1,
        "event": row.pk,
        "at": row.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "user": text(row.user_id),
        "party": text(row.party_id),
        "session": text(row.session_id),
        "request_id": row.request_id,
        "action": row.action,
        "resource_type": row.resource_type,
        "resource_id": row.resource_id,
        "stream": f"{row.resource_type}/{row.resource_id}",
        "stream_seq": row.stream_seq,
        "prev_hash": None if row.prev_hash is None else bytes(row.prev_hash).hex(),
        "before": row.before,
        "after": row.after,
        "committed": row.committed,
        "record_class": row.record_class,
        "source": row.source,
    }
    return rfc8785.dumps(said).decode()


@pytest.mark.usefixtures("books")
class TestTheBody:
    @pytest.mark.parametrize("odd", ["plain", ODD, "\U0001f600", "\ufffd"])
    def test_is_the_canonical_text_of_the_rows_columns(self, odd: str) -> None:
        with unit_of_work():
            first = log(odd, before={odd: odd, "b": [1, {"z": None, "é": True}], "a": 2**60}, after={"": "x"})
            second = log(odd, actor=system_actor())
        for pk in (first, second):
            assert body_of(pk) == expected_body(pk)
        assert "\n" not in body_of(first)
        assert json.loads(body_of(first))["before"]["a"] == str(2**60)

    def test_is_one_whatever_the_session_says(self) -> None:
        with unit_of_work():
            pk = log("session")
        before = body_of(pk)
        with unit_of_work():
            for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "bytea_output = 'escape'"):
                run_sql(f"SET LOCAL {setting}")
            run_sql("SET LOCAL standard_conforming_strings = off")
            assert body_of(pk) == before

    def test_changes_with_every_column_it_says(self) -> None:
        with unit_of_work():
            pk = log("edited", after={"n": "1"})
        whole = body_of(pk)
        edits = {
            "action": "'other'",
            "after": """'{"n":"2"}'""",
            "before": "'{}'",
            "committed": "'{}'",
            "created_at": "created_at - interval '1 microsecond'",
            "id": "id + 1",
            "party_id": "NULL",
            "prev_hash": "'\\xab'",
            "record_class": "'sanctions'",
            "request_id": "'r-2'",
            "resource_id": "'other'",
            "resource_type": "'other'",
            "session_id": "NULL",
            "source": "'trigger'",
            "stream_seq": "2",
            "user_id": "NULL",
        }
        assert self.edited(pk, "action", "action") == whole
        for column, value in edits.items():
            edited = self.edited(pk, column, value)
            assert edited not in {whole, None}, column

    def edited(self, pk: int, column: str, value: str) -> str | None:
        """The text of the row with one column changed, as if somebody had changed it in place."""
        with unit_of_work(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT string_agg(quote_literal(attname) || ', e.' || quote_ident(attname), ', ') FROM pg_attribute"
                " WHERE attrelid = 'audit_auditlog'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> %s",
                [column],
            )
            (rest,) = cursor.fetchone()
            cursor.execute(
                f"""SELECT audit_body(json_populate_record(
                        NULL::audit_auditlog, json_build_object({rest}, '{column}', {value})
                    )) FROM audit_auditlog e WHERE id = %s""",
                [pk],
            )
            return str(cursor.fetchone()[0])


@pytest.mark.usefixtures("books")
class TestAStream:
    def test_chains_its_events(self) -> None:
        with unit_of_work():
            pks = [log("chained", after={"n": n}) for n in range(3)]
            other = log("another")
        rows = [AuditLog.objects.get(pk=pk) for pk in pks]
        assert [row.stream_seq for row in rows] == [1, 2, 3]
        assert [row.prev_hash and bytes(row.prev_hash) for row in rows] == [None, *map(leaf_hash, pks[:2])]
        end = AuditStream.objects.get(pk="thing/chained")
        assert (end.seq, bytes(end.hash)) == (3, leaf_hash(pks[2]))
        assert AuditLog.objects.get(pk=other).stream_seq == 1

    def test_is_as_it_was_after_a_rollback(self) -> None:
        with unit_of_work():
            pk = log("undone")
        with pytest.raises(ZeroDivisionError), unit_of_work():
            log("undone")
            raise ZeroDivisionError
        end = AuditStream.objects.get(pk="thing/undone")
        assert (end.seq, bytes(end.hash)) == (1, leaf_hash(pk))

    def test_has_no_gap_and_no_fork_when_many_begin_it_at_once(self) -> None:
        start, failed = Barrier(6), []

        def write() -> None:
            try:
                start.wait()
                for _ in range(10):
                    with unit_of_work():
                        log("raced", actor=system_actor())
            except Exception as error:  # noqa: BLE001 (shown by the assertion)
                failed.append(error)
            finally:
                connection.close()

        threads = [Thread(target=write) for _ in range(6)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        rows = list(AuditLog.objects.filter(resource_id="raced").order_by("stream_seq"))
        assert failed == []
        assert [row.stream_seq for row in rows] == list(range(1, 61))
        assert [row.pk for row in rows] == sorted(row.pk for row in rows)
        assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)
        hashes = [leaf_hash(row.pk) for row in rows]
        assert [row.prev_hash and bytes(row.prev_hash) for row in rows] == [None, *hashes[:-1]]

    def test_lets_nobody_choose_what_is_the_databases(self) -> None:
        with unit_of_work(), connection.cursor() as cursor:
            cursor.execute(CHOSEN)
            (pk,) = cursor.fetchone()
        row = AuditLog.objects.get(pk=pk)
        assert (pk < 9_000_000_000, row.stream_seq, row.prev_hash, row.source) == (True, 1, None, "app")
        assert row.created_at.year > 2001
        assert row.xid > 5

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_stream SET seq = 0",
            "DELETE FROM audit_stream",
            "INSERT INTO audit_stream (stream, seq, hash) VALUES ('mine/1', 9, '\\xab')",
            "TRUNCATE audit_stream",
            "CREATE TEMP TABLE t (n int); CREATE TRIGGER t BEFORE INSERT ON t EXECUTE FUNCTION audit_join_stream()",
        ],
    )
    def test_is_moved_by_nobody_but_its_trigger(self, statement: str) -> None:
        with pytest.raises(DatabaseError, match="permission denied"), unit_of_work():
            run_sql(statement)

    def test_of_two_resources_is_never_one(self) -> None:
        with pytest.raises(DatabaseError, match="audit_log_stream_is_one"), unit_of_work():
            log_audit_event(actor=ACTOR, action="a", resource_type="a/b", resource_id="c")

    @pytest.mark.parametrize("bad", ["[]", "1", '"x"', "null", '{"a":\n1}', '{"a":1}\r'])
    def test_takes_objects_on_one_line_only(self, bad: str) -> None:
        statement = "INSERT INTO audit_auditlog (action, resource_type, resource_id, after) VALUES ('a', 'b', 'c', %s)"
        with pytest.raises(DatabaseError, match=r"audit_log_(objects|on_one_line)"), unit_of_work():
            run_sql(statement, [bad])


@pytest.mark.usefixtures("books")
class TestAnEvent:
    @pytest.mark.parametrize("column", ["ip_address", "user_agent", "salts"])
    @pytest.mark.parametrize("value", [b"192.0.2.7", b"192.0.2.7" * 20, b""])
    def test_takes_nothing_personal_in_the_clear(self, column: str, value: bytes) -> None:
        statement = (
            f"INSERT INTO audit_auditlog (action, resource_type, resource_id, {column}) VALUES ('a', 'b', 'c', %s)"
        )
        with pytest.raises(DatabaseError, match="audit_log_sealed"), unit_of_work():
            run_sql(statement, [value])

    def test_has_a_class_of_retention_there_is(self) -> None:
        for name in RecordClass:
            with unit_of_work():
                log("kept", record_class=name)
        with pytest.raises(ValueError, match="for_ever"), unit_of_work():
            log("kept", record_class="for_ever")
        statement = (
            "INSERT INTO audit_auditlog (action, resource_type, resource_id, record_class) VALUES ('a', 'b', 'c', 'd')"
        )
        with pytest.raises(DatabaseError, match="audit_log_record_class"), unit_of_work():
            run_sql(statement)


class TestTheClassesOfRetention:
    def test_are_the_policys(self) -> None:
        assert {*RecordClass.values} == {*RetentionByClass.__dataclass_fields__}
