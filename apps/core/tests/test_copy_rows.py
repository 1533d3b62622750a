"""COPY gives back exactly what went in."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db.utils import DataError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.db import copy_rows, fetch_all, run_sql, unit_of_work

text = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)


@pytest.mark.usefixtures("books")
class TestCopyRows:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(text, st.binary(max_size=20), st.integers(-(10**37), 10**37), st.booleans() | st.none()),
            max_size=5,
        )
    )
    def test_round_trips_every_value(self, rows: list[tuple[str, bytes, int, bool | None]]) -> None:
        with unit_of_work():
            run_sql(
                "CREATE TEMPORARY TABLE sink (n serial, t text, b bytea, d numeric(38,0), f boolean) ON COMMIT DROP"
            )
            assert copy_rows("sink", ["t", "b", "d", "f"], rows) == len(rows)
            found = fetch_all("SELECT t, b, d, f FROM sink ORDER BY n")
        assert [(t, bytes(b), int(d), f) for t, b, d, f in found] == rows

    def test_takes_times_ids_decimals_and_json(self) -> None:
        key, at = uuid4(), datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
        with unit_of_work():
            run_sql("CREATE TEMPORARY TABLE sink (u uuid, a timestamptz, d numeric, j jsonb) ON COMMIT DROP")
            copy_rows("sink", ["u", "a", "d", "j"], [(key, at, Decimal("1E+2"), {"quote": '"\\\n'})])
            u, a, d, j = fetch_all("SELECT u::text, a, d, j::text FROM sink")[0]
        assert (u, a, d, json.loads(j)) == (str(key), at, Decimal(100), {"quote": '"\\\n'})

    def test_refuses_floats(self) -> None:
        with pytest.raises(TypeError, match="float"), unit_of_work():
            copy_rows("core_outboxevent", ["topic"], [(1.5,)])

    def test_surfaces_the_drivers_errors_as_djangos(self) -> None:
        with pytest.raises(DataError), unit_of_work():
            copy_rows("core_outboxevent", ["recorded_at"], [("not a time",)])

    def test_refuses_to_run_outside_a_unit_of_work(self) -> None:
        with pytest.raises(RuntimeError):
            copy_rows("core_outboxevent", ["topic"], [("t",)])
