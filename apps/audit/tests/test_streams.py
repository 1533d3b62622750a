"""An event's text, and its place in its stream, as the database makes them."""

import json
from contextlib import suppress
from datetime import UTC
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
import rfc8785
from django.db import DatabaseError, connection

from apps.audit.models import AuditLeaf, AuditLog
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import pass_horizon, sequence
from apps.audit.types import RecordClass
from apps.core.actor import Actor, system_actor
from apps.core.db import fetch_all, fetch_one, run_sql, unit_of_work
from config.security.types.records import RetentionByClass

ACTOR = Actor(
    user_id=uuid4(), party_id=uuid4(), session_id=uuid4(), request_id="r-1", ip_address="::1", user_agent="curl/8"
)
ODD = 'a"b\\c/\b\f\n\r\t\x01\x1f\x7f\u2028é€😀'
NAMED = "'a', 'b', 'c')"


def log(resource_id: str, actor: Actor = ACTOR, **changes: Any) -> int:
    return log_audit_event(actor=actor, action="test.done", resource_type="thing", resource_id=resource_id, **changes)


def number() -> None:
    pass_horizon()
    sequence()


def body_of(pk: int) -> str:
    row = fetch_one("SELECT body FROM audit_text WHERE event = %s", [pk])
    assert row
    return str(row[0])


def text(value: object) -> str | None:
    return None if value is None else str(value)


def expected_body(pk: int) -> str:
    """The text as another program would write it from the columns."""
    row = AuditLog.objects.get(pk=pk)
    said = {
        "v": 2,
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
        "stream_seq": row.leaf.stream_seq,
        "prev": row.leaf.prev,
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
        number()
        for pk in (first, second):
            assert body_of(pk) == expected_body(pk)
        assert "\n" not in body_of(first)
        said = json.loads(body_of(first))
        assert said["before"]["a"] == str(2**60)
        assert {*said["committed"]} == {"ip", "user_agent"}

    @pytest.mark.parametrize("sql", ['{"a":\n1}', '{"a":1}\r', '\n["a"\r\n]', "null", "1"])
    def test_is_one_line_whatever_somebody_inserts(self, sql: str) -> None:
        statement = "INSERT INTO audit_auditlog (action, resource_type, resource_id, after) VALUES ('a', 'b', 'c', %s)"
        with unit_of_work():
            run_sql(f"{statement} RETURNING id", [sql])
        number()
        (body,) = fetch_all("SELECT body FROM audit_text ORDER BY index DESC LIMIT 1")[0]
        assert len(body.splitlines()) == 1
        assert json.loads(body)["after"] == json.loads(sql)

    def test_is_one_whatever_the_session_says(self) -> None:
        with unit_of_work():
            pk = log("session")
        number()
        before = body_of(pk)
        with unit_of_work():
            for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "bytea_output = 'escape'"):
                run_sql(f"SET LOCAL {setting}")
            run_sql("SET LOCAL standard_conforming_strings = off")
            assert body_of(pk) == before

    def test_changes_with_all_it_says(self) -> None:
        with unit_of_work():
            pk = log("edited", after={"n": "1"})
        edits = {
            "action": "'other'",
            "after": """'{"n":"2"}'""",
            "before": "'{}'",
            "created_at": "created_at - interval '1 microsecond'",
            "id": "id + 1",
            "party_id": "NULL",
            "record_class": "'sanctions'",
            "request_id": "'r-2'",
            "resource_id": "'other'",
            "resource_type": "'other'",
            "session_id": "NULL",
            "source": "'trigger'",
            "user_id": "NULL",
        }
        whole = self.edited(pk, "action", "action")
        said = [whole, *(self.edited(pk, column, value) for column, value in edits.items())]
        said += [self.edited(pk, "action", "action", link) for link in ("2, NULL, '{}'", "1, 0, '{}'", "1, NULL, '[]'")]
        assert None not in said
        assert len({*said}) == len(said)

    def edited(self, pk: int, column: str, value: str, link: str = "1, NULL, '{}'") -> str | None:
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
                    ), {link}) FROM audit_auditlog e WHERE id = %s""",
                [pk],
            )
            return cursor.fetchone()[0]


def chain(stream: str) -> list[tuple[int, int | None, int]]:
    """(number, leaf before, leaf) of each event of the stream, in order."""
    found = AuditLeaf.objects.filter(stream=stream).order_by("index")
    return [(leaf.stream_seq, leaf.prev, leaf.index) for leaf in found]


def require_linked(stream: str) -> None:
    rows = chain(stream)
    assert [seq for seq, _, _ in rows] == list(range(1, len(rows) + 1))
    assert [prev for _, prev, _ in rows] == [None, *(index for _, _, index in rows)][:-1]


@pytest.mark.usefixtures("books")
class TestAStream:
    def test_links_its_events(self) -> None:
        with unit_of_work():
            for n in range(3):
                log("linked", after={"n": n})
                log("another")
        number()
        require_linked("thing/linked")
        require_linked("thing/another")
        with unit_of_work():
            log("linked")
        number()
        require_linked("thing/linked")
        assert len(chain("thing/linked")) == 4

    def test_has_no_gap_after_a_rollback(self) -> None:
        for fails in (False, True, False):
            with suppress(ZeroDivisionError), unit_of_work():
                log("undone")
                assert not (fails and 1 // 0)
        number()
        require_linked("thing/undone")
        assert len(chain("thing/undone")) == 2

    @pytest.mark.parametrize("batch", [1, 7, 1000])
    def test_has_no_gap_and_no_fork_when_many_write_it_at_once(self, batch: int) -> None:
        start, failed, stream = Barrier(6), [], f"raced-{batch}"

        def write() -> None:
            try:
                start.wait()
                for _ in range(10):
                    with unit_of_work():
                        log(stream, actor=system_actor())
            except Exception as error:  # noqa: BLE001 (shown by the assertion)
                failed.append(error)
            finally:
                connection.close()

        threads = [Thread(target=write) for _ in range(6)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        pass_horizon()
        sequence(batch)
        assert failed == []
        require_linked(f"thing/{stream}")
        assert len(chain(f"thing/{stream}")) == 60

    def test_never_waits_for_another_of_the_same_resource(self) -> None:
        with unit_of_work():
            log("shared")
            other = Thread(target=self.write_beside)
            other.start()
            other.join(10)
            assert not other.is_alive()

    def write_beside(self) -> None:
        with unit_of_work():
            log("shared")
        connection.close()

    def test_of_two_resources_is_never_one(self) -> None:
        with pytest.raises(ValueError, match="slash"), unit_of_work():
            log_audit_event(actor=ACTOR, action="a", resource_type="a/b", resource_id="c")


@pytest.mark.usefixtures("books")
class TestAnEvent:
    @pytest.mark.parametrize(
        ("column", "value"), [("id", "9000000000"), ("xid", "'5'"), ("created_at", "now()"), ("source", "'trigger'")]
    )
    def test_has_what_is_the_databases_from_the_database(self, column: str, value: str) -> None:
        statement = (
            f"INSERT INTO audit_auditlog ({column}, action, resource_type, resource_id) VALUES ({value}, {NAMED}"
        )
        with pytest.raises(DatabaseError, match="permission denied"), unit_of_work():
            run_sql(statement)

    @pytest.mark.parametrize("column", ["ip", "user_agent", "salts"])
    @pytest.mark.parametrize("value", [b"192.0.2.7", b"192.0.2.7" * 20, b""])
    def test_comes_with_nothing_personal_in_the_clear(self, column: str, value: bytes) -> None:
        statement = f"INSERT INTO audit_origin (id, committed, {column}) VALUES (gen_random_uuid(), '{{}}', %s)"
        with pytest.raises(DatabaseError, match="check constraint"), unit_of_work():
            run_sql(statement, [value])

    def test_has_a_class_of_retention_there_is(self) -> None:
        for name in RecordClass:
            with unit_of_work():
                log("kept", record_class=name)
        with pytest.raises(ValueError, match="for_ever"), unit_of_work():
            log("kept", record_class="for_ever")


class TestTheClassesOfRetention:
    def test_are_the_policys(self) -> None:
        assert {*RecordClass.values} == {*RetentionByClass.__dataclass_fields__}
