"""The trail itself: in the business transaction or not at all, and never changed."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.audit.models import AuditLog
from apps.audit.selectors.trail import audit_logs
from apps.audit.services.trail import audit_log, log_audit_event
from apps.core import request_id
from apps.core.actor import Actor, system_actor
from apps.core.db import after_rollback, fetch_one, unit_of_work

ACTOR = Actor(
    user_id=uuid4(), party_id=uuid4(), roles=frozenset({"OPS"}), session_id=uuid4(), request_id="r-1", ip_address="::1"
)


class Thing:
    def __init__(self, name: str) -> None:
        self.name = name


@audit_log("test.thing_made", "thing", resource_id="name", after=lambda thing: {"length": len(thing.name)})
def make_thing(*, actor: Actor, name: str) -> Thing:
    if not name:
        raise ZeroDivisionError
    return Thing(name)


def log(resource_id: str, **changes: object) -> int:
    return log_audit_event(actor=ACTOR, action="test.done", resource_type="thing", resource_id=resource_id, **changes)


@pytest.mark.usefixtures("books")
class TestLogAuditEvent:
    def test_keeps_who_what_and_what_changed(self) -> None:
        with unit_of_work():
            pk = log("t-1", before={"amount": Decimal("1.50")}, after={"amount": "2", "ids": [ACTOR.user_id]})
        row = AuditLog.objects.get(pk=pk)
        assert (row.user_id, row.party_id, row.session_id) == (ACTOR.user_id, ACTOR.party_id, ACTOR.session_id)
        assert (row.request_id, row.ip) == ("r-1", "::1")
        assert (row.action, row.resource_type, row.resource_id) == ("test.done", "thing", "t-1")
        assert (row.before, row.after) == ({"amount": "1.50"}, {"amount": "2", "ids": [str(ACTOR.user_id)]})

    def test_knows_the_transaction_that_wrote_it(self) -> None:
        with unit_of_work():
            first, second = log("t-2"), log("t-2")
            now = fetch_one("SELECT pg_current_xact_id()::text")
        with unit_of_work():
            third = log("t-2")
        xids = dict(AuditLog.objects.filter(pk__in=[first, second, third]).values_list("pk", "xid"))
        assert xids[first] == xids[second] == int(now[0])
        assert xids[third] > xids[first]

    def test_leaves_no_row_when_the_business_transaction_rolls_back(self) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            log("t-3")
            raise ZeroDivisionError
        assert not audit_logs(resource_id="t-3").exists()

    def test_records_a_refusal_after_the_rollback(self) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            log("t-4-undone")
            after_rollback(lambda: log("t-4-refused"))
            raise ZeroDivisionError
        assert not audit_logs(resource_id="t-4-undone").exists()
        assert audit_logs(resource_id="t-4-refused").count() == 1

    def test_is_refused_outside_a_unit_of_work(self) -> None:
        with pytest.raises(RuntimeError, match="unit of work"):
            log("t-5")

    def test_takes_the_request_id_in_force_for_the_system(self) -> None:
        with unit_of_work():
            value = request_id.begin("r-system")
            pk = log_audit_event(actor=system_actor(), action="test.done", resource_type="thing", resource_id=1)
        row = AuditLog.objects.get(pk=pk)
        assert (row.request_id, row.user_id, row.resource_id) == (value, None, "1")

    @pytest.mark.parametrize("after", [{"a": 0.1}, {"a": [1, {"b": 0.5}]}, {"a": float("nan")}])
    def test_refuses_a_float(self, after: dict[str, object]) -> None:
        with pytest.raises(TypeError, match="float"), unit_of_work():
            log("t-6", after=after)
        assert not audit_logs(resource_id="t-6").exists()

    @pytest.mark.parametrize("names", [{"action": ""}, {"resource_type": ""}, {"resource_type": "a/b"}])
    def test_refuses_a_row_that_names_nothing(self, names: dict[str, str]) -> None:
        named = {"action": "test.done", "resource_type": "thing"} | names
        with pytest.raises(ValueError, match="names what was done"), unit_of_work():
            log_audit_event(actor=ACTOR, resource_id="t-7", **named)


@pytest.mark.usefixtures("books")
class TestAuditLogDecorator:
    def test_writes_the_row_with_the_effect(self) -> None:
        thing = make_thing(actor=ACTOR, name="d-1")
        row = audit_logs(action="test.thing_made", resource_id="d-1").get()
        assert thing.name == "d-1"
        assert (row.user_id, row.after) == (ACTOR.user_id, {"length": 3})

    def test_writes_nothing_for_a_service_that_refused(self) -> None:
        before = AuditLog.objects.count()
        with pytest.raises(ZeroDivisionError):
            make_thing(actor=ACTOR, name="")
        assert AuditLog.objects.count() == before

    def test_joins_the_callers_unit_of_work(self) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            make_thing(actor=ACTOR, name="d-3")
            raise ZeroDivisionError
        assert not audit_logs(resource_id="d-3").exists()


STATEMENTS = [
    "UPDATE audit_auditlog SET action = 'other'",
    "DELETE FROM audit_auditlog",
    "TRUNCATE audit_auditlog",
    """MERGE INTO audit_auditlog kept USING (SELECT 1) one ON kept.resource_id = 'kept'
       WHEN MATCHED THEN UPDATE SET action = 'other'""",
]


@pytest.mark.usefixtures("books")
class TestAppendOnly:
    @pytest.fixture(autouse=True)
    def row(self) -> int:
        with unit_of_work():
            return log("kept")

    @pytest.mark.parametrize("statement", STATEMENTS)
    def test_holds_against_the_applications_role(self, statement: str, row: int) -> None:
        with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
            cursor.execute(statement)
        assert AuditLog.objects.get(pk=row).action == "test.done"

    @pytest.mark.parametrize("statement", STATEMENTS)
    @pytest.mark.parametrize("setting", ["SET LOCAL session_replication_role = replica", "SELECT 1"])
    def test_holds_against_the_owner(self, statement: str, setting: str, row: int) -> None:
        refused = pytest.raises(DatabaseError, match=r"append-only|permission denied to set")
        with refused, transaction.atomic("owner"), connections["owner"].cursor() as cursor:
            cursor.execute(setting)
            cursor.execute(statement)
        assert AuditLog.objects.get(pk=row).action == "test.done"

    def test_holds_against_the_orm(self, row: int) -> None:
        kept = AuditLog.objects.get(pk=row)
        kept.action = "other"
        for change in (kept.save, kept.delete, AuditLog.objects.all().delete):
            with pytest.raises(DatabaseError, match="permission denied"):
                change()
        assert AuditLog.objects.get(pk=row).action == "test.done"

    def test_the_applications_role_cannot_lift_it(self) -> None:
        for statement in (
            "ALTER TABLE audit_auditlog DISABLE TRIGGER ALL",
            "DROP TABLE audit_auditlog",
            "DROP TRIGGER append_only_row ON audit_auditlog",
            "ALTER TABLE audit_auditlog OWNER TO CURRENT_USER",
            "GRANT UPDATE ON audit_auditlog TO CURRENT_USER",
        ):
            with connection.cursor() as cursor:
                try:
                    cursor.execute(statement)
                except DatabaseError as error:
                    assert "must be owner" in str(error) or "permission denied" in str(error)  # noqa: PT017
                cursor.execute("SELECT has_table_privilege(CURRENT_USER, 'audit_auditlog', 'UPDATE, DELETE, TRUNCATE')")
                assert cursor.fetchone() == (False,)
