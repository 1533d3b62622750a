"""Every list of the API: one shape, strict filters, and an index for each order it can be read in."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.flows.sweep.asking import ALL, call, each, refusal
from tests.flows.sweep.operations import Operation
from tests.flows.sweep.scene import Scene

LISTS = [operation for operation in ALL if "cursor" in operation.query]
# A number no list has come to: well formed, and refused by the books.
YET_TO_COME = ("as_of_sequence", str(2**63 - 1))
REPORTS = {"approvals_report", "configuration_report", "data_access_report", "failed_access_report"}
READ_AS_OF = {"list_audit_logs", "list_trades"} | REPORTS
# Rows of one block are put in order as they are read: an index that told them apart costs each log more than it saves.
BLOCK_BY_BLOCK = {"list_token_events"}


def ask(scene: Scene, operation: Operation, role: str | None = None, **query: Any) -> Any:
    """The answer to a query, with whatever the list cannot do without."""
    needed = {"isin": scene.market.isin} if operation.name == "list_trades" else {}
    url = f"{scene.path(operation)}?{urlencode(needed | query)}"
    return call(scene, operation, url=url, client=scene.clients[role] if role else None)


def refused(scene: Scene, operation: Operation, name: str, value: str) -> str:
    """The code of the refusal, which names the parameter."""
    error = refusal(ask(scene, operation, **{name: value}), 400)
    found = {detail["field"].partition(".")[0]: detail["code"] for detail in error["details"]}
    assert set(found) == {name}, error
    return found[name]


class TestEveryList:
    @each(LISTS)
    def test_answers_in_one_shape(self, scene: Scene, operation: Operation) -> None:
        for role in sorted(operation.roles or ()):
            found = json.loads(ask(scene, operation, role).content)["data"]
            as_of = {"as_of_sequence"} if operation.name in READ_AS_OF else set()
            assert set(found) == {"results", "next", "prev", "has_more"} | as_of
            assert found["has_more"] is (found["next"] is not None)

    @each(LISTS)
    def test_refuses_an_empty_value(self, scene: Scene, operation: Operation) -> None:
        for name in operation.query:
            assert refused(scene, operation, name, "")

    @each(LISTS)
    def test_refuses_lookups_and_orderings_it_does_not_offer(self, scene: Scene, operation: Operation) -> None:
        for name in {name.partition("__")[0] for name in operation.query} - {"cursor", "limit", "ordering"}:
            for lookup in ("contains", "gt", "isnull", "regex", "", "in__in", "pk__in"):
                code = refused(scene, operation, f"{name}__{lookup}", "a")
                assert code == ("unknown_field" if name == "as_of_sequence" else "unknown_lookup"), (name, lookup)
        for ordering in ("password", "--id", "pk", "party__legal_name", "id,-id", "?", "-"):
            assert refused(scene, operation, "ordering", ordering) == "invalid_choice"

    @each(LISTS)
    def test_refuses_too_many_values_and_a_bad_one_among_good_ones(self, scene: Scene, operation: Operation) -> None:
        for name, schema in operation.query.items():
            if schema["type"] == "array":
                good = schema["items"].get("enum", ["US0378331005"])[0]
                assert refused(scene, operation, name, ",".join([good] * 51)) == "max_length"
                for bad in (f"{good},", f",{good}", f"{good},,{good}"):
                    refused(scene, operation, name, bad)

    @each(LISTS)
    def test_refuses_an_instant_that_may_be_any(self, scene: Scene, operation: Operation) -> None:
        no_instants = (
            "2026-01-01T00:00:00",
            "2026-01-01",
            "20260101T000000Z",
            "2026-01-01T00:00:00 00:00",
            "1767225600",
        )
        others = ("1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z")
        for name, schema in operation.query.items():
            if schema.get("format") == "date-time":
                assert {refused(scene, operation, name, value) for value in no_instants} == {"not_an_instant"}
                assert {refused(scene, operation, name, value) for value in others} == {"out_of_range"}

    @each(LISTS)
    def test_takes_what_the_document_offers(self, scene: Scene, operation: Operation) -> None:
        for name, schema in operation.query.items():
            for value in offered(schema):
                if (name, value) == YET_TO_COME:
                    assert refused(scene, operation, name, value) == "not_reached"
                    continue
                response = ask(scene, operation, **{name: value})
                assert response.status_code == 200, (name, value, response.content)

    @each(LISTS)
    def test_of_one_row_a_page_is_the_same_list_and_back(self, scene: Scene, operation: Operation) -> None:
        for role in sorted(operation.roles or ()):
            first = json.loads(ask(scene, operation, role).content)["data"]
            # Reading the trail is itself recorded in it.
            pinned = {name: first[name] for name in ("as_of_sequence",) if name in first}
            whole = first["results"]
            seen, found = [], json.loads(ask(scene, operation, role, limit=1, **pinned).content)["data"]
            while found["next"] and len(seen) < 10:
                seen += found["results"]
                found = scene.clients[role].get(found["next"]).json()["data"]
            seen += found["results"]
            assert seen == whole[: len(seen)]
            for expected in reversed(seen[:-1]):
                found = scene.clients[role].get(found["prev"]).json()["data"]
                assert found["results"] == [expected]
            assert found["prev"] is None

    @each(LISTS)
    def test_has_an_index_for_each_of_its_orders(self, scene: Scene, operation: Operation) -> None:
        if operation.name in REPORTS:
            # A refusal to report: of nothing the database is not asked.
            assert scene.clients["INVESTOR"].get(scene.path(operation)).status_code == 403
        for role in sorted(operation.roles or ()):
            for ordering in operation.query["ordering"]["enum"]:
                statement = page_query(scene, operation, role, ordering)
                kinds = nodes(statement, by_blocks=operation.name in BLOCK_BY_BLOCK)
                assert kinds & {"Sort", "Seq Scan"} == set(), (role, ordering, statement)


def offered(schema: dict[str, Any]) -> list[str]:
    """Values of a parameter that are surely right."""
    if schema["type"] == "array":
        one = offered(schema["items"])
        return [one[0], ",".join(one)] if one else []
    if "enum" in schema:
        return [str(value) for value in schema["enum"]]
    by_format = {"date-time": ["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.123456+02:00"], "date": ["2026-01-31"]}
    by_type = {"integer": ["1", str(schema.get("maximum"))], "boolean": ["true", "false"]}
    return by_format.get(schema.get("format", ""), by_type.get(schema["type"], []))


def page_query(scene: Scene, operation: Operation, role: str, ordering: str) -> str:
    """The statement that reads a page in the middle of the list."""
    first = json.loads(ask(scene, operation, role, ordering=ordering, limit=1).content)["data"]
    with CaptureQueriesContext(connection) as seen:
        if first["next"]:
            assert scene.clients[role].get(first["next"]).status_code == 200
        else:
            ask(scene, operation, role, ordering=ordering, limit=1)
    pages = [query["sql"] for query in seen.captured_queries if query["sql"].endswith("LIMIT 2")]
    assert len(pages) == 1, seen.captured_queries
    return pages[0]


def nodes(statement: str, *, by_blocks: bool) -> set[str]:
    """Types of the plan's nodes where the planner avoids what small tables tempt it to."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET enable_incremental_sort = {'on' if by_blocks else 'off'}")
        cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
        cursor.execute("SET enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        ((plan,),) = cursor.fetchall()
        cursor.execute("RESET ALL")
    found, left = set(), [plan[0]["Plan"]]
    while left:
        node = left.pop()
        # A lookup of the few rows of a page, or of small tables beside it, may be done as one likes.
        found.add(node["Node Type"])
        left += node.get("Plans", [])
    return found


class TestInstants:
    def test_are_answered_with_their_offset(self, scene: Scene) -> None:
        (orders,) = [operation for operation in LISTS if operation.name == "list_orders"]
        row = json.loads(ask(scene, orders, "OPS").content)["data"]["results"][0]
        assert datetime.fromisoformat(row["created_at"]).utcoffset() is not None
