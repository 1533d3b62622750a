"""What operators see of settlement."""

import pytest

from apps.chain.models import TxIntent
from apps.core.db import unit_of_work
from apps.settlement.health import LAG, projection_health, read_metrics
from apps.settlement.services.status import mark_sent
from apps.settlement.tests.logs import Block
from apps.settlement.tests.paper import Paper


@pytest.fixture(scope="class")
def paper(books: str) -> Paper:
    return Paper()


def value(name: str, *labels: str) -> float:
    return next(s.value for s in read_metrics() if (s.metric.name, s.labels) == (name, labels))


class TestHealth:
    def test_is_degraded_while_the_books_lag(self, paper: Paper) -> None:
        for _ in range(LAG + 1):
            paper.add(Block())
        assert not projection_health().ok
        assert value("bookentry_settlement_projection_lag_blocks") == paper.height + 1
        paper.project()
        assert projection_health().ok
        assert value("bookentry_settlement_projection_lag_blocks") == 0

    def test_counts_what_a_final_call_said_nothing_of(self, paper: Paper) -> None:
        row = paper.trade()
        intent_id, tx_hash = paper.intent_with_tx()
        with unit_of_work():
            mark_sent(instructions=[row], intent_id=intent_id)
        assert value("bookentry_settlement_instructions_adrift") == 0
        with unit_of_work():
            TxIntent.objects.filter(pk=intent_id).update(
                state="FINAL", tx_hash=tx_hash, block_number=paper.height, block_hash=paper.tip, succeeded=True
            )
        assert value("bookentry_settlement_instructions_adrift") == 1
        assert value("bookentry_settlement_instructions_open", "in_flight") == 1
        assert value("bookentry_settlement_instructions_open", "waiting") == 0
