"""Due instructions become calls to the settlement contract."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connections
from eth_abi import decode

from apps.chain.models import SignerNonce, TxIntent
from apps.chain.types import INTENT_FAILED
from apps.compliance.models import EligibilityDecision
from apps.core import clock, outbox
from apps.core.daemon import Leadership, elect
from apps.core.db import fetch_all, unit_of_work
from apps.core.models import OutboxEvent
from apps.core.relay import Relay
from apps.ledger.selectors.balances import position
from apps.securities.tests.factories import make_security
from apps.settlement.errors import InstructionDuplicate, InstructionInFlight
from apps.settlement.models import SettlementAttempt, SettlementInstruction
from apps.settlement.services.instructions import instruct_many
from apps.settlement.services.sending import send_due
from apps.settlement.services.status import LATE, cancel, mark_sent
from apps.settlement.tests.holders import lose_eligibility, make_eligible
from apps.settlement.tests.logs import ALICE, BOB, CASH, DVP, SHARES, Block
from apps.settlement.tests.paper import ISIN, USDX, Paper
from apps.settlement.types import SettlementPolicy

TRADES = "(bytes32,address,address,address,address,uint128,uint128,uint64)[]"
SOON = timedelta(minutes=10)


@pytest.fixture(scope="class")
def market(books: str) -> Iterator[Paper]:
    """Alice and Bob may both trade; one final block gives the chain a time; the tokens are followed."""
    paper = Paper()
    make_security(isin=ISIN)
    make_eligible(paper.alice, ALICE, ISIN)
    make_eligible(paper.bob, BOB, ISIN)
    paper.add(Block())
    paper.project()
    return paper


@pytest.fixture(scope="class")
def leadership(books: str) -> Leadership:
    return elect("settler")


def send(leadership: Leadership, later: timedelta = timedelta(), policy: SettlementPolicy | None = None) -> bool:
    return send_due(leadership=leadership, now=clock.now() + later, **({"policy": policy} if policy else {}))


def fail_call(intent_id: object) -> None:
    """The sender reports that the call came to nothing."""
    payload = {"intent_id": str(intent_id), "kind": "settle", "reason": "EnforcedPause"}
    with unit_of_work():
        outbox.publish(topic=INTENT_FAILED, key=str(intent_id), payload=payload)
    leader = elect("relay")
    while Relay().step(leader, clock.now()):
        pass


class TestSendDue:
    def test_sends_many_trades_in_one_call(self, market: Paper, leadership: Leadership) -> None:
        rows = [market.trade(quantity=n, amount=10 * n) for n in (1, 2, 3)]
        assert send(leadership)
        sent = TxIntent.objects.get(kind="settle")
        assert (sent.to, sent.signer_id) == (DVP, "OPERATOR")
        (trades,) = decode([TRADES], bytes(sent.data)[4:])
        assert [("0x" + t[0].hex(), *t[1:7]) for t in trades] == [
            (row.dvp_id, ALICE, BOB, SHARES, CASH, row.quantity, row.cash_amount) for row in rows
        ]
        assert [t[7] for t in trades] == [int(row.deadline.timestamp()) for row in rows]
        for row in rows:
            row.refresh_from_db()
            assert (row.open_intent_id, row.attempts) == (sent.pk, 1)
            assert list(SettlementAttempt.objects.filter(instruction=row).values_list("number", "intent_id")) == [
                (1, sent.pk)
            ]
        refs = set(EligibilityDecision.objects.filter(action="SETTLEMENT").values_list("subject_ref", flat=True))
        assert {f"{rows[0].pk}:seller", f"{rows[0].pk}:buyer"} <= refs

    def test_sends_nothing_twice(self, market: Paper, leadership: Leadership) -> None:
        before = TxIntent.objects.count(), SettlementAttempt.objects.count()
        assert not send(leadership, SOON)
        assert (TxIntent.objects.count(), SettlementAttempt.objects.count()) == before

    def test_leaves_what_is_in_flight_to_the_chain(self, market: Paper, leadership: Leadership) -> None:
        row = SettlementInstruction.objects.exclude(open_intent_id=None).first()
        with pytest.raises(InstructionInFlight), unit_of_work():
            cancel(rows=[row], failure=LATE, now=clock.now())
        assert position(ISIN, ALICE).held == 6

    def test_fits_fifty_into_a_call(self, market: Paper, leadership: Leadership) -> None:
        for _ in range(53):
            market.trade(quantity=1, amount=1)
        assert send(leadership)
        assert send(leadership)
        assert not send(leadership)
        calls = TxIntent.objects.filter(kind="settle").order_by("nonce")
        sizes = [SettlementAttempt.objects.filter(intent_id=call.pk).count() for call in calls]
        assert sizes == [3, 50, 3]

    def test_waits_for_the_intended_settlement_date(self, market: Paper, leadership: Leadership) -> None:
        tomorrow = clock.now().date() + timedelta(days=1)
        row = market.trade(intended_settlement_date=tomorrow)
        assert not send(leadership)
        assert send(leadership, timedelta(days=1))
        row.refresh_from_db()
        assert row.attempts == 1

    def test_gives_up_what_is_late_by_chain_time(self, market: Paper, leadership: Leadership) -> None:
        row = market.trade(deadline=market.time_of(market.height) - timedelta(seconds=1))
        held = position(ISIN, ALICE).held
        send(leadership)
        row.refresh_from_db()
        assert (row.processing_status, row.reason_code, row.attempts) == ("CANC", "LATE", 0)
        assert position(ISIN, ALICE).held == held - row.quantity

    def test_stops_a_trade_whose_party_lost_its_eligibility(self, market: Paper, leadership: Leadership) -> None:
        row = market.trade(quantity=9, amount=90)
        held = position(ISIN, ALICE).held, position(USDX, BOB).held
        calls = TxIntent.objects.count()
        lose_eligibility(market.bob)
        assert send(leadership)
        row.refresh_from_db()
        assert (row.processing_status, row.reason_code) == ("CANC", "CANS")
        assert "KYC_NOT_APPROVED" in row.reason_detail
        assert (position(ISIN, ALICE).held, position(USDX, BOB).held) == (held[0] - 9, held[1] - 90)
        assert TxIntent.objects.count() == calls
        assert EligibilityDecision.objects.filter(subject_ref=f"{row.pk}:buyer", allowed=False).count() == 1
        event = OutboxEvent.objects.get(topic="settlement.failed", key=str(row.pk))
        assert event.payload["trade_ref"] == row.trade_ref


class TestFailedCalls:
    def test_are_sent_again_smaller_and_then_given_up(self, market: Paper, leadership: Leadership) -> None:
        rows = [market.trade(quantity=1, amount=1) for _ in range(8)]
        send(leadership)
        fail_call(TxIntent.objects.get(kind="settle").pk)
        sizes = []
        for _ in range(40):
            known = set(TxIntent.objects.values_list("pk", flat=True))
            if not send(leadership, SOON):
                break
            (call,) = TxIntent.objects.exclude(pk__in=known)
            sizes.append(SettlementAttempt.objects.filter(intent_id=call.pk).count())
            fail_call(call.pk)
        assert sorted(sizes, reverse=True) == [7, *[1] * 9]
        for row in rows:
            row.refresh_from_db()
            assert (row.processing_status, row.attempts) == ("CANC", 3)
            assert row.reason_detail == "CALL_FAILED: EnforcedPause"
        assert position(ISIN, ALICE).held == position(USDX, BOB).held == 0
        nonces = list(TxIntent.objects.order_by("nonce").values_list("nonce", flat=True))
        assert nonces == list(range(SignerNonce.objects.get(signer_id="OPERATOR").next))

    def test_reported_twice_count_once(self, market: Paper, leadership: Leadership) -> None:
        row = market.trade()
        send(leadership)
        row.refresh_from_db()
        call = row.open_intent_id
        fail_call(call)
        fail_call(call)
        row.refresh_from_db()
        assert (row.attempts, row.open_intent_id, row.settlement_status) == (1, None, "PENF")
        assert row.next_attempt_at > clock.now()


class TestWorkers:
    def test_racing_send_each_instruction_once(self, market: Paper, leadership: Leadership) -> None:
        for _ in range(12):
            market.trade(quantity=1, amount=1)
        barrier, small = Barrier(4), SettlementPolicy(batch=3)

        def race(_: int) -> None:
            try:
                barrier.wait()
                while send(leadership, policy=small):
                    pass
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(race, range(4)))
        assert SettlementAttempt.objects.count() == 12
        assert not SettlementInstruction.objects.filter(open_intent_id=None).exists()

    def test_that_were_deposed_send_nothing(self, market: Paper, leadership: Leadership) -> None:
        market.trade()
        with unit_of_work():
            fetch_all("UPDATE core_enginestate SET epoch = epoch + 1 WHERE name = 'settler' RETURNING epoch")
        before = TxIntent.objects.count()
        with pytest.raises(Exception, match="settler"):
            send(leadership)
        assert TxIntent.objects.count() == before


class TestInstructMany:
    def test_refuses_a_trade_twice(self, market: Paper) -> None:
        row = market.trade()
        again = market.draft(trade_ref=row.trade_ref)
        with pytest.raises(InstructionDuplicate), unit_of_work():
            instruct_many(drafts=[again], now=clock.now())
        twin = market.draft()
        with pytest.raises(InstructionDuplicate), unit_of_work():
            instruct_many(drafts=[twin, twin], now=clock.now())

    @pytest.mark.parametrize("bad", [{"quantity": 0}, {"cash_amount": -1}, {"buyer_wallet": ALICE}])
    def test_refuses_what_no_trade_can_be(self, market: Paper, bad: dict[str, object]) -> None:
        with pytest.raises(IntegrityError), unit_of_work():
            instruct_many(drafts=[market.draft(**bad)], now=clock.now())

    def test_never_lets_an_ended_instruction_be_in_flight(self, market: Paper) -> None:
        row = market.trade()
        with unit_of_work():
            cancel(rows=[row], failure=LATE, now=clock.now())
        with pytest.raises(IntegrityError, match="settlement_ended_not_in_flight"), unit_of_work():
            mark_sent(instructions=[row], intent_id=row.pk)
