"""A twin of books in the middle of their life books the same trade, row for row, whatever a node told ours."""

import pytest
from django.db import connections

from apps.accounts.tests.factories import actor_of
from apps.chain.models import RpcEndpoint
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import Duplicated, OldHead, Reordered
from apps.chain.testing.lying_node import LyingNode
from apps.chain.testing.tables import BOOKS, CHAIN
from apps.chain.testing.twin import differences, rows, twin_of
from apps.core import clock
from apps.issuance.services.decisions import approve_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.floor import Floor
from apps.issuance.tests.test_on_chain import trade
from apps.issuance.types import IssuanceDraft
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import position
from apps.settlement.models import SettlementInstruction

ENGINES = ("ingester", "sender", "relay", "projector")


@pytest.fixture(scope="class")
def floor(chain_platform: ChainPlatform) -> Floor:
    """A trade of issued units for cash, its settlement final on the chain, and nobody has looked yet."""
    floor = Floor(chain_platform)
    draft = IssuanceDraft("first", floor.isin, "100", party_id=floor.seller.party.pk)
    asked = request_issuance(actor=actor_of(floor.maker), draft=draft, now=clock.now())
    approve_issuance(actor=actor_of(floor.checker), issuance_id=asked.id, now=clock.now())
    floor.give_cash(floor.buyer, 5_000)
    floor.approve(floor.buyer, floor.cash)
    floor.approve(floor.seller, floor.token)
    floor.run()
    trade(floor, "trade:1", 10, 1_000)
    floor.platform.step("settler")
    floor.platform.step("sender")
    floor.platform.finalize()
    return floor


class TestATwin:
    def test_books_the_same_trade_row_for_row(self, floor: Floor) -> None:
        before = LedgerTransfer.objects.count()
        with twin_of(connections["default"].settings_dict["NAME"]), floor.platform.reborn() as twin:
            twin.catch_up(*ENGINES)
            honest = rows((*CHAIN, *BOOKS))
        assert differences(rows((*CHAIN, *BOOKS)), honest) != {}
        assert LedgerTransfer.objects.count() == before
        with LyingNode(floor.platform.url) as liar, floor.platform.reborn(liar.url) as ours:
            for lies in ((OldHead(behind=2),), (Duplicated(), Reordered(seed=1))):
                with liar.lying(*lies):
                    ours.catch_up(*ENGINES)
                # Where it contradicted itself: the time in which it is not asked is over.
                RpcEndpoint.objects.all().delete()
            ours.catch_up(*ENGINES)
        assert differences(rows((*CHAIN, *BOOKS)), honest) == {}
        assert SettlementInstruction.objects.get().settlement_status == "SETT"
        assert position(floor.isin, floor.buyer.wallet).posted == 10
        empty = {label for label, found in honest.items() if not found and label.startswith(("ledger.", "settlement."))}
        assert empty == {"ledger.LedgerHoldEntry", "settlement.UnexplainedMovement"}
