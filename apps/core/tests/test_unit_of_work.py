"""Units of work against a real database."""

from contextlib import suppress

import pytest
from django.db import IntegrityError, connection, transaction

from apps.core import outbox
from apps.core.db import after_rollback, run_sql, unit_of_work, within_unit_of_work
from apps.core.models import OutboxEvent


@within_unit_of_work
def record(topic: str) -> None:
    outbox.publish(topic=topic, key="k")


def topics() -> list[str]:
    return list(OutboxEvent.objects.order_by("id").values_list("topic", flat=True))


@pytest.mark.usefixtures("books")
class TestUnitOfWork:
    def test_commits_what_its_services_did(self) -> None:
        with unit_of_work():
            record("committed")
        assert topics()[-1] == "committed"
        assert not connection.in_atomic_block

    def test_joins_an_enclosing_unit_of_work(self) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            with unit_of_work():
                record("inner")
            raise ZeroDivisionError
        assert "inner" not in topics()

    def test_refuses_to_hide_inside_a_bare_transaction(self) -> None:
        with pytest.raises(RuntimeError), transaction.atomic(), unit_of_work():
            pass

    def test_refuses_a_part_outside_any_unit_of_work(self) -> None:
        with pytest.raises(RuntimeError, match="within a unit of work"):
            record("alone")

    def test_records_a_refusal_after_the_rollback(self) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            record("undone")
            after_rollback(lambda: record("refused"))
            raise ZeroDivisionError
        assert "undone" not in topics()
        assert topics()[-1] == "refused"

    def test_refuses_a_change_to_an_append_only_row_even_by_raw_sql(self) -> None:
        with unit_of_work():
            record("kept")
        for statement in ("UPDATE core_outboxevent SET topic = 'x'", "DELETE FROM core_outboxevent"):
            with pytest.raises(Exception, match="permission denied") as refused, unit_of_work():
                run_sql(statement)
            assert not isinstance(refused.value, IntegrityError)
        assert "kept" in topics()

    def test_never_ends_well_where_a_part_was_refused_and_the_refusal_swallowed(self) -> None:
        with pytest.raises(RuntimeError, match="refusal"), unit_of_work():
            record("swallowed")
            after_rollback(lambda: record("said so"))
            with suppress(ZeroDivisionError), unit_of_work():
                raise ZeroDivisionError
        assert "swallowed" not in topics()
        assert topics()[-1] == "said so"
        assert not connection.in_atomic_block

    def test_records_the_refusal_of_a_joined_part_once(self) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            record("outer")
            with unit_of_work():
                after_rollback(lambda: record("refused within"))
                raise ZeroDivisionError
        assert "outer" not in topics()
        assert topics().count("refused within") == 1
