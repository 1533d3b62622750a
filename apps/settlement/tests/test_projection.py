"""Final blocks become books, exactly once in effect."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from eth_abi import encode
from eth_utils.crypto import keccak

from apps.chain.models import TokenBinding, WatchedContract
from apps.chain.types import SignerRole
from apps.chain.types.events import ZERO_ADDRESS
from apps.core import clock
from apps.core.daemon import Deposed, Leadership, elect
from apps.core.db import fetch_all, unit_of_work
from apps.core.models import OutboxEvent
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import by_wallet, control_totals, position, shortfalls
from apps.settlement.models import ProjectionCursor, SettlementInstruction, SettlementStatusEvent
from apps.settlement.projections import project_next
from apps.settlement.selectors.contracts import followed_tokens
from apps.settlement.selectors.movements import projection_cursor, unexplained
from apps.settlement.services.movements import expect_mint
from apps.settlement.services.status import LATE, cancel, mark_sent
from apps.settlement.tests.logs import ALICE, BOB, CAROL, CASH, SHARES, Block, new_hash
from apps.settlement.tests.paper import ISIN, USDX, Paper

FAILED = (
    "0x"
    + (
        keccak(text="TransferFailed(address,bytes)")[:4]
        + encode(["address", "bytes"], [SHARES, keccak(text="Panic(uint256)")[:4] + encode(["uint256"], [0x11])])
    ).hex()
)


@pytest.fixture(scope="class")
def paper(books: str) -> Iterator[Paper]:
    return Paper()


def send(paper: Paper, row: SettlementInstruction) -> str:
    """Have a call carry the instruction; its chain transaction."""
    intent_id, tx_hash = paper.intent_with_tx()
    row.refresh_from_db()
    with unit_of_work():
        mark_sent(instructions=[row], intent_id=intent_id)
    return tx_hash


def settled(paper: Paper, row: SettlementInstruction, tx_hash: str) -> Block:
    """A block in which the trade settles."""
    block = Block()
    block.tx_hash = tx_hash
    block.settle(row.dvp_id, row.seller_wallet, row.buyer_wallet, row.quantity, row.cash_amount)
    return block


def failed(row: SettlementInstruction, tx_hash: str) -> Block:
    """A block in which it fails."""
    block = Block()
    block.tx_hash = tx_hash
    block.fail(row.dvp_id, FAILED)
    return block


def rewind() -> None:
    """As after a restore of the cursor alone: everything final is projected again."""
    first = min(fetch_all("SELECT number, hash FROM chain_block WHERE finality = 'FINAL'"))
    with unit_of_work():
        ProjectionCursor.objects.update(number=first[0], hash=first[1])


def on_chain(wallet: str) -> int:
    """What the books say a wallet has on the chain."""
    return by_wallet(USDX)[wallet] - shortfalls(USDX).get(wallet, 0)


def topics() -> list[str]:
    return list(OutboxEvent.objects.order_by("id").values_list("topic", flat=True))


class TestSettledTrade:
    def test_posts_both_legs_and_ends_the_instruction(self, paper: Paper) -> None:
        row = paper.trade(quantity=10, amount=500)
        tx_hash = send(paper, row)
        paper.add(Block())
        paper.add(settled(paper, row, tx_hash))
        paper.project()
        row.refresh_from_db()
        assert (row.processing_status, row.settlement_status, row.tx_hash) == ("PACK", "SETT", tx_hash)
        assert row.settled_at == paper.time_of(paper.height)
        assert row.open_intent_id is None
        assert (position(ISIN, ALICE).posted, position(ISIN, BOB).posted) == (0, 10)
        assert (position(USDX, ALICE).posted, position(USDX, BOB).posted) == (500, 0)
        assert position(ISIN, ALICE).held == position(USDX, BOB).held == 0
        assert topics()[-1] == "settlement.settled"
        history = SettlementStatusEvent.objects.filter(instruction=row).order_by("id")
        assert [event.settlement_status for event in history] == ["PEND", "PEND", "SETT"]
        assert projection_cursor().number == paper.height

    def test_changes_nothing_when_projected_again(self, paper: Paper) -> None:
        before = (LedgerTransfer.objects.count(), topics(), SettlementStatusEvent.objects.count())
        rewind()
        paper.project()
        assert (LedgerTransfer.objects.count(), topics(), SettlementStatusEvent.objects.count()) == before
        assert projection_cursor().number == paper.height
        assert unexplained() == []

    def test_of_another_quantity_than_instructed_is_not_ours(self, paper: Paper) -> None:
        row = paper.trade(quantity=7, amount=70)
        block = Block()
        block.tx_hash = send(paper, row)
        block.settle(row.dvp_id, ALICE, BOB, 6, 70)
        paper.add(block)
        paper.project()
        row.refresh_from_db()
        assert row.settlement_status == "PEND"
        assert [(u.reason, u.amount) for u in unexplained(asset=ISIN)] == [("TRANSFER", 6)]
        assert position(ISIN, ALICE).held == 7

    def test_that_was_given_up_before_is_not_ours(self, paper: Paper) -> None:
        row = paper.trade(quantity=8, amount=80)
        with unit_of_work():
            cancel(rows=[row], failure=LATE, now=clock.now())
        before = on_chain(BOB)
        paper.add(settled(paper, row, new_hash()))
        paper.project()
        row.refresh_from_db()
        assert (row.processing_status, row.settlement_status) == ("CANC", "PENF")
        assert (unexplained(asset=ISIN)[-1].reason, unexplained(asset=ISIN)[-1].amount) == ("TRANSFER", 8)
        assert on_chain(BOB) == before - 80


class TestFailedTrade:
    def test_is_tried_again_and_then_given_up_with_its_reason(self, paper: Paper) -> None:
        row = paper.trade(quantity=3, amount=30)
        for attempt in (1, 2, 3):
            paper.add(failed(row, send(paper, row)))
            paper.project()
            row.refresh_from_db()
            assert (row.reason_code, row.reason_detail) == ("LACK", "ALLOWANCE_TOO_LOW")
            assert (row.attempts, row.settlement_status, row.open_intent_id) == (attempt, "PENF", None)
            assert row.processing_status == ("CANC" if attempt == 3 else "PACK")
            assert (position(ISIN, ALICE).held, position(USDX, BOB).held) == ((0, 0) if attempt == 3 else (3, 30))
        assert (position(ISIN, ALICE).posted, position(USDX, BOB).posted) == (3, 30)
        event = OutboxEvent.objects.get(topic="settlement.failed", key=str(row.pk))
        assert event.payload["reason_code"] == "LACK"

    def test_counts_a_replayed_failure_once(self, paper: Paper) -> None:
        row = paper.trade(quantity=4, amount=40)
        paper.add(failed(row, send(paper, row)))
        paper.project()
        send(paper, row)
        rewind()
        paper.project()
        row.refresh_from_db()
        assert row.attempts == 2
        assert row.open_intent_id is not None

    def test_settles_at_the_second_try(self, paper: Paper) -> None:
        row = paper.trade(quantity=5, amount=50)
        paper.add(failed(row, send(paper, row)))
        paper.project()
        paper.add(settled(paper, row, send(paper, row)))
        paper.project()
        row.refresh_from_db()
        assert (row.settlement_status, row.attempts) == ("SETT", 2)

    def test_past_its_deadline_is_given_up_at_once(self, paper: Paper) -> None:
        row = paper.trade(quantity=6, amount=60, deadline=paper.time_of(1))
        paper.add(failed(row, send(paper, row)))
        paper.project()
        row.refresh_from_db()
        assert (row.processing_status, row.attempts) == ("CANC", 1)


class TestCash:
    def test_is_booked_wherever_it_moves(self, paper: Paper) -> None:
        block = Block()
        block.mint(CASH, ALICE, 1_000)
        block.move(CASH, ALICE, CAROL, 300)
        block.move(CASH, CAROL, ZERO_ADDRESS, 100)
        paper.add(block)
        paper.project()
        assert by_wallet(USDX) == {ALICE: 700, CAROL: 200}
        assert control_totals(USDX) == {"CASH": 900, "EXTERNAL": -900}

    def test_paid_beyond_what_is_free_goes_to_suspense(self, paper: Paper) -> None:
        row = paper.trade(quantity=1, amount=80)  # all that Bob has, reserved
        block = Block()
        block.move(CASH, BOB, CAROL, 50)
        paper.add(block)
        paper.project()
        assert position(USDX, BOB).posted == position(USDX, BOB).held == 80
        assert shortfalls(USDX) == {BOB: 50}
        assert by_wallet(USDX)[CAROL] == 250
        assert [(u.reason, u.from_address, u.amount) for u in unexplained(asset=USDX)] == [("CASH_SHORTFALL", BOB, 50)]
        paper.add(failed(row, send(paper, row)))
        paper.add(failed(row, send(paper, row)))
        paper.add(failed(row, send(paper, row)))
        paper.project()

    def test_shortfall_is_paid_back_when_the_trade_is_given_up(self, paper: Paper) -> None:
        row = SettlementInstruction.objects.latest("created_at")
        while row.processing_status != "CANC":
            paper.add(failed(row, send(paper, row)))
            paper.project()
            row.refresh_from_db()
        assert shortfalls(USDX) == {}
        assert position(USDX, BOB).posted == 30
        assert sum(control_totals(USDX).values()) == 0

    def test_of_nothing_makes_no_account(self, paper: Paper) -> None:
        stranger, block = new_hash()[:42], Block()
        block.move(CASH, stranger, CAROL, 0)
        paper.add(block)
        paper.project()
        assert stranger not in by_wallet(USDX)

    def test_of_an_absurd_amount_is_noted_and_not_booked(self, paper: Paper) -> None:
        before, block = control_totals(USDX), Block()
        block.mint(CASH, CAROL, 2**255)
        paper.add(block)
        paper.project()
        assert control_totals(USDX) == before
        assert unexplained(asset=USDX)[-1].reason == "OVERSIZE"
        assert unexplained(asset=USDX)[-1].amount == 2**255

    def test_changes_nothing_when_projected_again(self, paper: Paper) -> None:
        before = (LedgerTransfer.objects.count(), control_totals(USDX), len(unexplained()))
        rewind()
        paper.project()
        assert (LedgerTransfer.objects.count(), control_totals(USDX), len(unexplained())) == before


class TestSecurities:
    def expect(self, paper: Paper, ref: str, wallet: str, amount: int) -> str:
        intent_id, tx_hash = paper.intent_with_tx(SignerRole.AGENT)
        with unit_of_work():
            expect_mint(ref=ref, asset=ISIN, wallet_address=wallet, amount=amount, intent_id=intent_id, now=clock.now())
        return tx_hash

    def test_ordered_are_posted_and_announced_once(self, paper: Paper) -> None:
        block = Block()
        block.tx_hash = self.expect(paper, "issuance:1", ALICE, 100)
        block.mint(SHARES, ALICE, 100)
        paper.add(block)
        paper.project()
        assert control_totals(ISIN) == {"POSITION": 100, "ISSUANCE": -100}
        events = OutboxEvent.objects.filter(topic="settlement.movement_final")
        assert [(e.key, e.payload["tx_hash"], e.payload["amount"]) for e in events] == [
            ("issuance:1", block.tx_hash, "100")
        ]
        rewind()
        paper.project()
        assert events.count() == 1
        assert control_totals(ISIN) == {"POSITION": 100, "ISSUANCE": -100}

    def test_minted_otherwise_than_ordered_are_not_posted(self, paper: Paper) -> None:
        block = Block()
        block.tx_hash = self.expect(paper, "issuance:2", ALICE, 100)
        block.mint(SHARES, ALICE, 101)
        block.mint(SHARES, BOB, 100)
        paper.add(block)
        paper.project()
        assert by_wallet(ISIN) == {ALICE: 100}
        assert [u.amount for u in unexplained(asset=ISIN)] == [101, 100]

    def test_minted_twice_for_one_order_are_posted_once(self, paper: Paper) -> None:
        block = Block()
        block.tx_hash = self.expect(paper, "issuance:3", BOB, 5)
        block.mint(SHARES, BOB, 5)
        block.mint(SHARES, BOB, 5)
        paper.add(block)
        paper.project()
        assert by_wallet(ISIN)[BOB] == 5

    def test_moved_by_force_are_noted_and_not_posted(self, paper: Paper) -> None:
        before = by_wallet(ISIN)
        block = Block()
        block.move(SHARES, ALICE, CAROL, 40)
        block.move(SHARES, CAROL, ZERO_ADDRESS, 40)
        paper.add(block)
        paper.project()
        assert by_wallet(ISIN) == before
        noted = unexplained(asset=ISIN)[-2:]
        assert [(u.reason, u.from_address, u.to_address) for u in noted] == [
            ("TRANSFER", ALICE, CAROL),
            ("BURN", CAROL, ZERO_ADDRESS),
        ]


class TestWorkers:
    def test_that_were_deposed_change_nothing(self, paper: Paper) -> None:
        paper.add(Block())
        paper.project()
        old = elect("projector")
        with unit_of_work():
            newer = Leadership("projector", old.epoch + 1)
            fetch_all("UPDATE core_enginestate SET epoch = epoch + 1 WHERE name = 'projector' RETURNING epoch")
        block = Block()
        block.mint(CASH, ALICE, 5)
        paper.add(block)
        before = projection_cursor()
        with pytest.raises(Deposed):
            project_next(leadership=old, now=clock.now())
        assert projection_cursor() == before
        assert by_wallet(USDX) == {}
        paper.project(newer)
        assert by_wallet(USDX) == {ALICE: 5}

    def test_racing_on_the_same_blocks_book_them_once(self, paper: Paper) -> None:
        leadership = elect("projector")
        block = Block()
        block.mint(CASH, BOB, 9)
        paper.add(block)
        barrier = Barrier(4)

        def race(_: int) -> str:
            try:
                barrier.wait()
                project_next(leadership=leadership, now=clock.now())
            except Deposed:
                return "deposed"
            finally:
                connections.close_all()
            return "done"

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(race, range(4)))
        assert "done" in outcomes
        assert by_wallet(USDX)[BOB] == 9
        assert LedgerTransfer.objects.filter(source_ref=block.tx_hash).count() == 1

    def test_book_the_past_of_a_token_followed_late(self, paper: Paper) -> None:
        late, isin = f"0x{0x1A7E:040x}", "US5949181045"
        block = Block()
        block.mint(late, CAROL, 12)
        paper.add(block)
        paper.add(Block())
        paper.project()
        with unit_of_work():
            TokenBinding.objects.create(
                isin=isin,
                name="Late",
                symbol="LATE",
                decimals=0,
                state="LIVE",
                address=late,
                identity_registry=new_hash()[:42],
                deploy_block=paper.height - 1,
                created_at=clock.now(),
                live_at=clock.now(),
            )
            WatchedContract.objects.create(
                address=late,
                kind="SECURITY",
                from_block=paper.height - 1,
                covered_to=paper.height,
                covered=True,
                created_at=clock.now(),
            )
        paper.project()
        assert [(u.reason, u.amount) for u in unexplained(asset=isin)] == [("MINT", 12)]

    def test_book_a_token_no_further_than_it_spoke_for_its_security(self, paper: Paper) -> None:
        """What its contract says afterwards moves nothing; the token in its place is of the same asset."""
        before, last, after, later = Block(), Block(), Block(), f"0x{0x5EC0:040x}"
        before.mint(SHARES, CAROL, 12)
        last.move(SHARES, CAROL, ZERO_ADDRESS, 12)
        after.mint(SHARES, CAROL, 99)
        after.mint(later, CAROL, 7)
        paper.add(before)
        paper.project()
        paper.add(last)
        ended = TokenBinding.objects.filter(address=SHARES)
        ended.update(valid_to_block=paper.height)
        paper.add(after)
        paper.project()
        with unit_of_work():
            TokenBinding.objects.create(
                isin=ISIN, name="Second", symbol="SEC", decimals=0, state="LIVE", address=later,
                identity_registry=new_hash()[:42], deploy_block=paper.height, created_at=clock.now(),
                live_at=clock.now(),
            )  # fmt: skip
            WatchedContract.objects.create(
                address=later, kind="SECURITY", from_block=paper.height, covered_to=paper.height, covered=True,
                created_at=clock.now(),
            )  # fmt: skip
        paper.project()
        assert [(u.reason, u.amount) for u in unexplained(asset=ISIN)] == [("MINT", 12), ("BURN", 12), ("MINT", 7)]
        assert followed_tokens()[ISIN] == later
