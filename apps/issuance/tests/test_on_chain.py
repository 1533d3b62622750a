"""The whole line on a real chain: issue, settle two trades of which one fails, and what an agent does by force."""

from datetime import timedelta
from functools import partial

import pytest

from apps.accounts.tests.factories import actor_of
from apps.chain import calls
from apps.chain.models import Signer
from apps.chain.testing import ChainPlatform
from apps.core import clock
from apps.core.db import unit_of_work
from apps.issuance.selectors.issuances import issuance_for, issued_totals
from apps.issuance.services.decisions import approve_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.floor import Floor
from apps.issuance.types import IssuanceDraft
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import by_wallet, control_totals, position
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.transfers import pend_many
from apps.ledger.types import AccountKey, AccountKind, PendingTransfer, TransferKind
from apps.securities.selectors.securities import security
from apps.settlement.models import SettlementInstruction
from apps.settlement.selectors.movements import unexplained
from apps.settlement.services.instructions import instruct_many
from apps.settlement.types import InstructionDraft

USDX = "USDX"


@pytest.fixture(scope="class")
def floor(chain_platform: ChainPlatform) -> Floor:
    return Floor(chain_platform)


def trade(floor: Floor, ref: str, quantity: int, amount: int) -> SettlementInstruction:
    """A trade as the matcher leaves it."""
    today, now = clock.now().date(), clock.now()
    ends = [(floor.isin, AccountKind.POSITION), (USDX, AccountKind.CASH)]
    wallets = [floor.seller.wallet, floor.buyer.wallet]
    with unit_of_work():
        ids = ensure_accounts(keys={AccountKey(a, k, w) for a, k in ends for w in wallets})
        shares, cash = ([ids[AccountKey(a, k, w)] for w in wallets] for a, k in ends)
        pend_many(
            [
                PendingTransfer(f"{ref}:security", *shares, quantity, TransferKind.SETTLEMENT_SECURITY, ref, now),
                PendingTransfer(f"{ref}:cash", *cash[::-1], amount, TransferKind.SETTLEMENT_CASH, ref, now),
            ]
        )
        draft = InstructionDraft(
            ref, floor.isin, floor.seller.party.pk, floor.buyer.party.pk, *wallets, *shares, *cash[::-1],
            quantity, USDX, amount, today, today,
        )  # fmt: skip
        made = instruct_many(drafts=[draft], now=now)
    return SettlementInstruction.objects.get(pk=made[ref])


class TestTheLine:
    def test_activates_the_security_when_its_token_is_live(self, floor: Floor) -> None:
        assert security(floor.isin).status == "ACTIVE"

    def test_issues_from_request_to_final_position(self, floor: Floor) -> None:
        draft = IssuanceDraft("first", floor.isin, "100", party_id=floor.seller.party.pk)
        asked = request_issuance(actor=actor_of(floor.maker), draft=draft, now=clock.now())
        approve_issuance(actor=actor_of(floor.checker), issuance_id=asked.id, now=clock.now())
        assert position(floor.isin, floor.seller.wallet).posted == 0
        floor.run()
        done = issuance_for(actor_of(floor.maker), asked.id)
        assert done.status == "COMPLETED"
        assert floor.platform.mined(done.tx_hash)
        assert by_wallet(floor.isin) == {floor.seller.wallet: 100}
        assert floor.balance(floor.token, floor.seller) == 100
        totals = issued_totals(floor.isin)
        assert (totals.issued, totals.reserved) == (100, 0)

    def test_fails_an_issuance_whose_mint_reverts(self, floor: Floor) -> None:
        # Our own minter is dismissed on the chain, behind our back: the owner of the token may do that.
        dismiss = partial(floor.platform.send, floor.platform.account(0), floor.token)
        agent = Signer.objects.get(pk="MINTER").address
        dismiss(calls._call("removeAgent(address)")(agent))
        draft = IssuanceDraft("second", floor.isin, "50", party_id=floor.seller.party.pk)
        asked = request_issuance(actor=actor_of(floor.maker), draft=draft, now=clock.now())
        approve_issuance(actor=actor_of(floor.checker), issuance_id=asked.id, now=clock.now())
        floor.run()
        failed = issuance_for(actor_of(floor.maker), asked.id)
        assert (failed.status, failed.tx_hash) == ("FAILED", "")
        assert failed.failure_reason
        assert issued_totals(floor.isin).reserved == 0
        assert by_wallet(floor.isin) == {floor.seller.wallet: 100}
        dismiss(calls.add_agent(agent))

    def test_books_cash_minted_outside(self, floor: Floor) -> None:
        floor.give_cash(floor.buyer, 5_000)
        floor.platform.finalize()
        floor.run()
        assert position(USDX, floor.buyer.wallet).posted == 5_000

    def test_settles_one_trade_and_gives_up_another(self, floor: Floor) -> None:
        floor.approve(floor.buyer, floor.cash)
        floor.approve(floor.seller, floor.token, 10)  # enough for the first trade alone
        good, bad = trade(floor, "trade:1", 10, 1_000), trade(floor, "trade:2", 5, 500)
        floor.platform.step("settler")
        floor.run()
        for row in (good, bad):
            row.refresh_from_db()
        assert (good.settlement_status, good.attempts) == ("SETT", 1)
        assert floor.platform.mined(good.tx_hash)
        assert (bad.settlement_status, bad.reason_code, bad.reason_detail) == ("PENF", "LACK", "ALLOWANCE_TOO_LOW")
        assert position(floor.isin, floor.seller.wallet).held == 5
        for _ in range(2):
            floor.platform.step("settler", later=timedelta(minutes=5))
            floor.run()
        bad.refresh_from_db()
        assert (bad.processing_status, bad.attempts) == ("CANC", 3)
        assert by_wallet(floor.isin) == {floor.seller.wallet: 90, floor.buyer.wallet: 10}
        assert by_wallet(USDX) == {floor.seller.wallet: 1_000, floor.buyer.wallet: 4_000}
        assert position(floor.isin, floor.seller.wallet).held == position(USDX, floor.buyer.wallet).held == 0
        for owner in (floor.seller, floor.buyer):
            assert floor.balance(floor.token, owner) == by_wallet(floor.isin)[owner.wallet]
            assert floor.balance(floor.cash, owner) == by_wallet(USDX)[owner.wallet]
        assert unexplained() == []

    def test_settles_a_failed_trade_once_its_seller_has_allowed_it(self, floor: Floor) -> None:
        row = trade(floor, "trade:3", 5, 500)
        floor.platform.step("settler")
        floor.run()
        floor.approve(floor.seller, floor.token)
        floor.platform.step("settler", later=timedelta(minutes=5))
        floor.run()
        row.refresh_from_db()
        assert (row.settlement_status, row.attempts, row.reason_code) == ("SETT", 2, "")
        assert [event.settlement_status for event in row.events.order_by("id")] == [
            "PEND", "PEND", "PENF", "PENF", "SETT",
        ]  # fmt: skip

    def test_notes_a_forced_transfer_and_posts_nothing(self, floor: Floor) -> None:
        before, posted = by_wallet(floor.isin), LedgerTransfer.objects.count()
        force = calls._call("forcedTransfer(address,address,uint256)")
        agent = floor.platform.account(1)
        receipt = floor.platform.send(agent, floor.token, force(floor.seller.wallet, floor.buyer.wallet, 7))
        floor.platform.finalize()
        floor.run()
        (noted,) = unexplained(asset=floor.isin)
        assert (noted.reason, noted.amount, noted.tx_hash) == ("TRANSFER", 7, receipt["transactionHash"])
        assert (by_wallet(floor.isin), LedgerTransfer.objects.count()) == (before, posted)

    def test_keeps_books_that_sum_to_zero(self, floor: Floor) -> None:
        assert sum(control_totals(floor.isin).values()) == 0
        assert sum(control_totals(USDX).values()) == 0
