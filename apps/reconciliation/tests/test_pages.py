"""Pages in the order of an instant that several rows share."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.core import clock
from apps.reconciliation.models import Run
from apps.reconciliation.types import RunStatus

URL = "/api/reconciliation/runs"
AT = clock.now().replace(microsecond=0)


def write(isin: str, offsets: list[int]) -> list[str]:
    """Runs begun so many seconds from one instant; their ids."""
    counts = {"wallets": 0, "unknown_reads": 0, "in_flight": 0, "breaks_found": 0}
    made = [
        Run.objects.create(
            isin=isin,
            status=RunStatus.INCOMPLETE,
            problems=["none"],
            started_at=AT + timedelta(seconds=seconds),
            finished_at=AT,
            **counts,
        )
        for seconds in offsets
    ]
    return [str(run.pk) for run in made]


def page(client: Any, url: str) -> dict[str, Any]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.json()
    return answer.json()["data"]


def ids(found: dict[str, Any]) -> list[str]:
    return [row["id"] for row in found["results"]]


@pytest.mark.usefixtures("books")
class TestPages:
    def test_of_equal_timestamps_are_exact_both_ways_while_more_of_them_arrive(self) -> None:
        isin = "US0378331005"
        written, client = write(isin, [0] * 11), api_client(make_user(role=Role.COMPLIANCE))
        url, seen, links = f"{URL}?isin={isin}&ordering=-started_at&limit=3", [], []
        while url:
            found = page(client, url)
            seen += ids(found)
            links.append(found["prev"])
            url = found["next"]
            write(isin, [0])
        assert seen == written[::-1]
        assert links[0] is None
        back = page(client, links[-1])
        assert ids(back) == seen[6:9]
        assert ids(page(client, back["prev"])) == seen[3:6]

    @pytest.mark.parametrize(
        ("isin", "ordering", "expected"),
        [("US5949181045", "started_at", [1, 0, 3, 2]), ("US0231351067", "-started_at", [2, 3, 0, 1])],
    )
    def test_are_in_the_order_asked_for(self, isin: str, ordering: str, expected: list[int]) -> None:
        written, client = write(isin, [5, 0, 9, 5]), api_client(make_user(role=Role.COMPLIANCE))
        seen, url = [], f"{URL}?isin={isin}&ordering={ordering}&limit=1"
        while url:
            found = page(client, url)
            seen += ids(found)
            url = found["next"]
        # Of equal instants the ids decide, in the same direction.
        assert [written.index(pk) for pk in seen] == expected
