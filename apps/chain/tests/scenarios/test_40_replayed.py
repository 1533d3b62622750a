"""Scenario 40: a backfill that is done twice adds no row. What it leaves of postings is shown with the books."""

from collections.abc import Iterator

import pytest

from apps.chain.models import RawLog, WatchedContract
from apps.chain.testing.twin import rows
from apps.chain.tests.following import answers_held
from apps.chain.tests.scenarios.world import FINALITY, World, world_of


@pytest.fixture(scope="class")
def world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        found.chain.mine(FINALITY)
        found.traffic()
        found.feed()
        yield found


class TestABackfill:
    @pytest.mark.parametrize("ways", [{}, {"logs": "RANGES"}, {"receipts": "BLOOM"}], ids=str)
    def test_40_replayed_twice_adds_no_row(self, world: World, ways: dict[str, str]) -> None:
        before, newest = rows(), RawLog.objects.latest("pk").pk
        with answers_held(**ways):
            world.desk.restart()
            for _ in range(2):
                # The whole past again: as if no contract had ever been covered.
                WatchedContract.objects.update(covered=False, covered_to=-1)
                world.desk.catch_up()
                assert rows() == before
        assert RawLog.objects.latest("pk").pk == newest
        world.is_as_if_nobody_had_lied()
