"""kill -9 of a projector process, at the points where it could hurt."""

from contextlib import ExitStack

import pytest
from django.db import connection

from apps.core.daemon import Leadership, elect
from apps.core.db import run_sql, unit_of_work
from apps.core.testing.waiting import until
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import by_wallet, control_totals
from apps.settlement.selectors.movements import projection_cursor
from apps.settlement.tests.logs import ALICE, BOB, CASH, Block
from apps.settlement.tests.paper import USDX, Paper
from apps.settlement.tests.processes import EngineProcess, somebody_waits_for_a_lock

BLOCKS, UNITS = 40, 7
# Where the killed process waits: before the first posting, or with every effect written and only the cursor to move.
BEFORE = "SELECT FROM ledger_balance FOR UPDATE"
AFTER = "SELECT FROM settlement_projectioncursor FOR UPDATE"


@pytest.fixture(scope="class")
def paper(books: str) -> Paper:
    made = Paper()
    made.fund(ALICE, cash=100)
    made.fund(BOB, cash=100)
    return made


def mint_and_pay(paper: Paper) -> None:
    """Blocks in each of which Alice gets something and pays one unit to Bob."""
    for _ in range(BLOCKS):
        block = Block()
        block.mint(CASH, ALICE, UNITS)
        block.move(CASH, ALICE, BOB, 1)
        paper.add(block)


def project(paper: Paper) -> None:
    """Project in this process, once the leader's lock is free, and give the lock up again."""
    leaderships: list[Leadership] = []

    def lead() -> bool:
        leaderships.extend(filter(None, [elect("projector")]))
        return bool(leaderships)

    until(lead, what="the leader's lock is free")
    paper.project(leaderships[0])
    connection.close()


def arrived(paper: Paper) -> bool:
    cursor = projection_cursor()
    return cursor is not None and cursor.number == paper.height


class TestKilledProjector:
    def test_loses_nothing_and_books_nothing_twice(self, paper: Paper, books: str) -> None:
        paper.add(Block())
        project(paper)
        before, cursor, rows = by_wallet(USDX), projection_cursor(), LedgerTransfer.objects.count()
        mint_and_pay(paper)
        with unit_of_work(), EngineProcess("projector", books) as victim:
            run_sql(BEFORE)
            until(somebody_waits_for_a_lock, what="the projector in the middle of its work")
            victim.kill()
        assert (by_wallet(USDX), projection_cursor(), LedgerTransfer.objects.count()) == (before, cursor, rows)
        project(paper)
        assert by_wallet(USDX) == {ALICE: before[ALICE] + BLOCKS * (UNITS - 1), BOB: before[BOB] + BLOCKS}
        assert LedgerTransfer.objects.count() == rows + 2 * BLOCKS
        assert sum(control_totals(USDX).values()) == 0

    def test_is_succeeded_by_the_one_that_stood_by(self, paper: Paper, books: str) -> None:
        before = by_wallet(USDX)
        mint_and_pay(paper)
        with ExitStack() as running:
            with unit_of_work():
                run_sql(AFTER)
                leader = running.enter_context(EngineProcess("projector", books))
                until(somebody_waits_for_a_lock, what="the leader in the middle of its work")
                running.enter_context(EngineProcess("projector", books))  # the heir
                leader.kill()
                assert by_wallet(USDX) == before
            until(lambda: arrived(paper), what="the heir's work")
        assert by_wallet(USDX) == {ALICE: before[ALICE] + BLOCKS * (UNITS - 1), BOB: before[BOB] + BLOCKS}
