"""What the application's own SQL, and its bugs, cannot remove: before an expiry, within it, and after."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from apps.audit.models import AuditExpiry
from apps.audit.tests.aging import OLD, as_owner, present, record, settle
from apps.core import clock
from apps.core.db import fetch_one, run_sql, unit_of_work
from apps.vault.models import SubjectHold

EXPIRE = "SELECT removed FROM audit_expire(%s, %s, 'r-1')"
FORGED = "INSERT INTO audit_expiry (event, first, stop, removed) VALUES (1, 0, 1000000, 1)"
FORBIDDEN = [
    "DELETE FROM audit_auditlog",
    "DELETE FROM audit_leaf",
    "TRUNCATE audit_auditlog",
    FORGED,
    "DELETE FROM audit_expiry",
    "UPDATE audit_retention SET days = 1",
    "INSERT INTO audit_retention VALUES ('other', 1, 'EVENT', 'nobody')",
    "DELETE FROM audit_retention",
    "UPDATE audit_export SET stop = 1000000",
    "DELETE FROM audit_export",
    "ALTER TABLE audit_auditlog DISABLE TRIGGER append_only_row",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION audit_clock() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'infinity'::timestamptz $$",
    "CREATE OR REPLACE FUNCTION audit_least_days(text) RETURNS integer LANGUAGE sql AS $$ SELECT 0 $$",
]


def refused(statement: str) -> None:
    """By privileges or ownership: no trigger is even asked."""
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        run_sql(statement)


@pytest.mark.usefixtures("books")
class TestTheApplication:
    @pytest.mark.parametrize("statement", FORBIDDEN)
    def test_cannot(self, statement: str) -> None:
        events = record(days=OLD)
        settle()
        refused(statement)
        assert present(events) == events

    def test_cannot_while_events_expire_nor_after(self) -> None:
        old, young = record(days=OLD), record()
        settle()
        with unit_of_work():
            removed = fetch_one(EXPIRE, [0, 1000])
            assert removed is not None
            assert removed[0] >= 1
            assert AuditExpiry.objects.filter(xid=fetch_one("SELECT pg_current_xact_id()::text")[0]).exists()
            for statement in FORBIDDEN:
                refused(statement)
        refused("DELETE FROM audit_auditlog")
        assert (present(old), present(young)) == ([], young)

    def test_has_nothing_expire_in_a_snapshot_that_may_not_see_a_hold(self) -> None:
        events = record(days=OLD)
        settle()
        for level in ("REPEATABLE READ", "SERIALIZABLE"):
            with pytest.raises(DatabaseError, match="READ COMMITTED only"), transaction.atomic():
                run_sql(f"SET TRANSACTION ISOLATION LEVEL {level}")
                run_sql(EXPIRE, [0, 1000])
        SubjectHold.objects.create(subject=uuid4(), reference="case-1", placed_at=clock.now())
        assert present(events) == events

    @pytest.mark.parametrize("most", [0, -1, 10_001, None])
    def test_asks_for_a_number_that_a_second_is_enough_for(self, most: int | None) -> None:
        with pytest.raises(DatabaseError, match="1 to 10000 at a time"), transaction.atomic():
            run_sql(EXPIRE, [0, most])

    def test_cannot_turn_names_to_tables_of_its_own(self) -> None:
        """A temporary table of a name that the function asks is passed over."""
        events = record()
        settle()
        with unit_of_work():
            run_sql("CREATE TEMP TABLE audit_retention AS SELECT record_class, 0 AS days, 'EVENT' AS starts"
                    " FROM public.audit_retention")  # fmt: skip
            run_sql("SET LOCAL search_path = pg_temp, public")
            assert fetch_one(EXPIRE, [events[0] - 1, 1000]) == (0,)
            run_sql("DROP TABLE pg_temp.audit_retention")
        assert present(events) == events


@pytest.mark.usefixtures("books")
class TestTheOwner:
    """Whose own statements are refused too; what he takes down first, the tree's heads show."""

    def test_is_refused_what_did_not_expire(self) -> None:
        events = record(days=OLD)
        settle()
        with pytest.raises(IntegrityError, match="append-only"):
            as_owner("DELETE FROM audit_auditlog WHERE id = ANY (%s)", [events])
        with pytest.raises(IntegrityError, match="append-only"):
            as_owner("UPDATE audit_auditlog SET action = 'other' WHERE id = ANY (%s)", [events])
        connections["owner"].close()
        assert present(events) == events

    def test_is_refused_what_the_law_keeps_even_where_he_says_it_expires(self) -> None:
        events = record(days=2_000)
        settle()
        with pytest.raises(IntegrityError, match="append-only"):
            as_owner(f"{FORGED}; DELETE FROM audit_auditlog WHERE id = ANY (ARRAY[{events[0]}])")
        connections["owner"].close()
        assert present(events) == events

    def test_cannot_set_a_period_below_the_laws(self) -> None:
        for name in ("sanctions", "audit_trail", "security_events"):
            with pytest.raises(IntegrityError, match="audit_retention_lawful"):
                as_owner("UPDATE audit_retention SET days = 300 WHERE record_class = %s", [name])
            connections["owner"].close()


@pytest.mark.usefixtures("books")
class TestAPeriodInTheDatabase:
    def test_that_is_longer_counts(self) -> None:
        events = record(days=OLD)
        settle()
        as_owner("UPDATE audit_retention SET days = 5000 WHERE record_class = 'audit_trail'")
        with unit_of_work():
            assert fetch_one(EXPIRE, [0, 1000]) == (0,)
        assert present(events) == events

    def test_of_a_class_that_has_none_never_ends(self) -> None:
        events = record(days=OLD)
        settle()
        as_owner("DELETE FROM audit_retention WHERE record_class = 'audit_trail'")
        rows = fetch_one("SELECT standing FROM audit_standing(%s, 1)", [events[0] - 1])
        with unit_of_work():
            assert fetch_one(EXPIRE, [0, 1000]) == (0,)
        assert (rows, connection.in_atomic_block) == (("WITHIN_PERIOD",), False)
