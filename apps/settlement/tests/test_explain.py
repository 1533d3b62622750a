"""What logs mean, without a database."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apps.chain.types import Folds, TransferByPartition
from apps.chain.types.events import TradeSettled, Transfer
from apps.settlement.explain import Meaning, explain
from apps.settlement.tests.logs import ALICE, BOB, CAROL, CASH, DVP, SHARES, TOKENS, Block, new_hash


def meaning_of(block: Block) -> Meaning:
    return explain(block.logs, settlement_contract=DVP, tokens=TOKENS)


class TestExplain:
    def test_pairs_a_settled_trade_with_its_two_legs(self) -> None:
        block, trade = Block(), new_hash()
        cash, shares, event = block.settle(trade, ALICE, BOB, 10, 500)
        meaning = meaning_of(block)
        assert [(s.log, s.security_leg, s.cash_leg) for s in meaning.settled] == [(event, shares, cash)]
        assert meaning.moved == []

    def test_keeps_equal_trades_of_one_call_apart(self) -> None:
        block, trades = Block(), [new_hash() for _ in range(3)]
        legs = [block.settle(trade, ALICE, BOB, 10, 500) for trade in trades]
        meaning = meaning_of(block)
        assert [(s.cash_leg, s.security_leg, s.log) for s in meaning.settled] == legs
        assert [s.trade.id for s in meaning.settled] == trades

    def test_never_takes_a_leg_from_another_chain_transaction(self) -> None:
        block, trade = Block(), new_hash()
        block.move(CASH, BOB, ALICE, 500)
        block.next_tx()
        block.move(SHARES, ALICE, BOB, 10)
        block.emit(DVP, TradeSettled(trade, ALICE, BOB, SHARES, 10, CASH, 500))
        meaning = meaning_of(block)
        assert meaning.settled == []
        assert [t.id for t in meaning.one_legged] == [trade]
        assert len(meaning.moved) == 2

    def test_reads_a_token_of_partitions_by_its_own_events_alone(self) -> None:
        """The token says every movement twice, and one Transfer that moves nothing."""
        block, trade = Block(), new_hash()
        cash = block.move(CASH, BOB, ALICE, 500)
        said = TransferByPartition("0x" + "c1" * 32, DVP, ALICE, BOB, 10, "0x", "0x")
        for event in (Transfer(ALICE, BOB, 10), said, Transfer(ALICE, CAROL, 3)):
            block.emit(SHARES, event)
        shares = block.logs[2]
        block.emit(DVP, TradeSettled(trade, ALICE, BOB, SHARES, 10, CASH, 500))
        logs = [replace(log, folds=Folds.PARTITION) if log.address == SHARES else log for log in block.logs]
        meaning = explain(logs, settlement_contract=DVP, tokens=TOKENS)
        (settled,) = meaning.settled
        assert (settled.cash_leg, settled.security_leg.log_index) == (cash, shares.log_index)
        assert (meaning.moved, meaning.one_legged) == ([], [])

    def test_never_believes_an_event_of_another_contract(self) -> None:
        block = Block()
        block.move(CASH, BOB, ALICE, 500)
        block.move(SHARES, ALICE, BOB, 10)
        block.emit(CAROL, TradeSettled(new_hash(), ALICE, BOB, SHARES, 10, CASH, 500))
        meaning = meaning_of(block)
        assert meaning.settled == []
        assert meaning.one_legged == []
        assert len(meaning.moved) == 2

    def test_never_takes_a_leg_of_another_amount(self) -> None:
        block = Block()
        block.move(CASH, BOB, ALICE, 499)
        block.move(SHARES, ALICE, BOB, 10)
        block.emit(DVP, TradeSettled(new_hash(), ALICE, BOB, SHARES, 10, CASH, 500))
        assert meaning_of(block).settled == []

    def test_leaves_a_forced_transfer_beside_a_trade_unpaired(self) -> None:
        block = Block()
        forced = block.move(SHARES, CAROL, ALICE, 10)
        block.settle(new_hash(), ALICE, BOB, 10, 500)
        assert [m.log for m in meaning_of(block).moved] == [forced]

    def test_reports_a_failed_trade_with_its_reason(self) -> None:
        block, trade = Block(), new_hash()
        log = block.fail(trade, "0x1234")
        assert [(f.log, f.dvp_id, f.reason) for f in meaning_of(block).failed] == [(log, trade, "0x1234")]

    def test_ignores_tokens_nobody_follows(self) -> None:
        block = Block()
        block.move(CAROL, ALICE, BOB, 1)
        assert meaning_of(block) == Meaning()

    @given(
        st.lists(
            st.tuples(st.sampled_from(["trade", "cash", "shares", "tx"]), st.integers(1, 3), st.integers(1, 3)),
            max_size=25,
        )
    )
    def test_books_each_transfer_exactly_once(self, steps: list[tuple[str, int, int]]) -> None:
        block = Block()
        for what, quantity, amount in steps:
            if what == "trade":
                block.settle(new_hash(), ALICE, BOB, quantity, amount)
            elif what == "tx":
                block.next_tx()
            else:
                block.move(CASH if what == "cash" else SHARES, ALICE, BOB, amount)
        meaning = meaning_of(block)
        legs = [leg for s in meaning.settled for leg in (s.cash_leg, s.security_leg)]
        taken = sorted(log.log_index for log in [*legs, *(m.log for m in meaning.moved)])
        assert taken == [log.log_index for log in block.logs if isinstance(log.event, Transfer)]
        assert len(meaning.settled) == sum(1 for what, _, _ in steps if what == "trade")
