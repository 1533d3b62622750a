"""Scenarios 32 and 33: tokens that would cheat the settlement contract, on a real chain with all of the platform.

The contract alone is tried in contracts/tests (test_dvd_attacks.py, test_hostile_tokens.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from datetime import timedelta

from eth_abi.abi import decode

from apps.chain import calls
from apps.chain.selectors.topics import topics_of
from apps.chain.services.calldata import decode_revert
from apps.chain.testing import ChainPlatform
from apps.chain.types.events import TradeFailed
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import position
from apps.reconciliation.services.engine import RunOrder
from apps.reconciliation.tests.stage import Stage
from apps.reconciliation.tests.world import World
from apps.reconciliation.types import RunDepth
from apps.settlement.models import SettlementInstruction

OPERATOR, ANYBODY, ATTACKER = 2, 7, 9
HONEST, RETURNS_FALSE = 0, 1  # HostileToken.Mode
FULL = RunOrder(RunDepth.FULL)
SECURITY_HELD, CASH_HELD = 3, 30  # by the trade that waits
transfer_from = calls._call("transferFrom(address,address,uint256)")
allowance = calls._call("allowance(address,address)")
set_mode = calls._call("setMode(uint8)")
settle_one = calls._call(f"settleOne({calls._TRADE})")


def holdings(stage: Stage) -> dict[tuple[str, str], int]:
    """What everybody has on the chain of the security and of cash, the attacker and the settlement contract too."""
    platform = stage.platform
    attacker = platform.account(ATTACKER).address
    everybody = {"alice": stage.alice, "bob": stage.bob, "attacker": attacker, "dvp": platform.contracts["dvp"]}
    tokens = {"security": stage.token, "cash": platform.contracts["payment_token"]}
    return {
        (name, what): platform.read(token, calls.balance_of(wallet))
        for name, wallet in everybody.items()
        for what, token in tokens.items()
    }


def held(stage: Stage) -> tuple[int, int]:
    """What is held in the books of Alice's units, and of Bob's cash."""
    return position(stage.isin, stage.alice).held, position("USDX", stage.bob).held


def waiting() -> SettlementInstruction:
    """The trade that waits: Alice sells to Bob."""
    return SettlementInstruction.objects.get(trade_ref="open")


@dataclass(frozen=True)
class Theft:
    """One unit of a token of the attacker's own, which calls him its agent, for all of Bob's cash."""

    platform: ChainPlatform
    fake: str
    trade: calls.Trade

    def refusal(self, data: bytes) -> tuple[str, str]:
        """How the settlement contract answers the attacker, in a block."""
        attacker, dvp = self.platform.account(ATTACKER), self.platform.contracts["dvp"]
        refused = decode_revert(self.platform.reverted(attacker, dvp, data))
        return refused.code, refused.detail


def settles(platform: ChainPlatform, trade: calls.Trade) -> bool:
    """Whether the settlement contract would settle this trade if our own operator sent it."""
    data = "0x" + calls.settle([trade]).hex()
    call = {"from": platform.account(OPERATOR).address, "to": platform.contracts["dvp"], "data": data}
    return int(platform.node.call("eth_call", call, "latest"), 16) == 1


def prepared(stage: Stage) -> Theft:
    """The fake token stands, our contract may move it, and Bob's cash: he allowed it for trades of his own."""
    platform, dvp, cash = stage.platform, stage.platform.contracts["dvp"], stage.platform.contracts["payment_token"]
    attacker = platform.account(ATTACKER)
    fake = platform.deploy(attacker, calls.creation("test/FakeSecurity", attacker.address))
    platform.send(attacker, fake, calls.approve(dvp, 1))
    purse = platform.read(cash, calls.balance_of(stage.bob))
    assert platform.read(cash, allowance(stage.bob, dvp)) >= purse > 0
    deadline = int(platform.header("latest")["timestamp"], 16) + 3_600
    ends = (attacker.address, stage.bob, fake, cash)
    return Theft(platform, fake, calls.Trade(bytes([32] * 32), *ends, 1, purse, deadline))


def failures(platform: ChainPlatform, since: int) -> list[tuple[str, str, str]]:
    """(trade, error, its fields) as the settlement contract has reported them from this block on."""
    asked = {"address": platform.contracts["dvp"], "fromBlock": hex(since), "topics": topics_of(TradeFailed)}
    found = []
    for log in platform.node.call("eth_getLogs", asked):
        refused = decode_revert(decode(["bytes"], bytes.fromhex(log["data"][2:]))[0])
        found.append((log["topics"][1], refused.code, refused.detail))
    return found


@contextmanager
def cash_that_says_no(stage: Stage) -> Iterator[None]:
    """The cash token's transferFrom returns false and moves nothing; at the end the token is what it was.

    Both keep balances and allowances in the same slots, and the mode is where the honest token keeps nothing.
    """
    platform, cash = stage.platform, stage.platform.contracts["payment_token"]
    honest = platform.node.call("eth_getCode", cash, "latest")
    moved = "0x" + transfer_from(stage.bob, stage.alice, CASH_HELD).hex()
    asked = {"from": platform.contracts["dvp"], "to": cash, "data": moved}
    platform.node.call("anvil_setCode", cash, calls.artifact("test/HostileToken")["deployedBytecode"])
    platform.send(platform.account(ANYBODY), cash, set_mode(RETURNS_FALSE))
    assert int(platform.node.call("eth_call", asked, "latest"), 16) == 0
    yield
    platform.send(platform.account(ANYBODY), cash, set_mode(HONEST))
    platform.node.call("anvil_setCode", cash, honest)
    assert int(platform.node.call("eth_call", asked, "latest"), 16) == 1


class TestScenarios:
    def test_32_the_agent_of_a_fake_token_is_refused_whatever_he_calls(self, world: World) -> None:
        stage, theft = world.stage, prepared(world.stage)
        stage.settle_down()
        before = holdings(stage), stage.books(), held(stage), LedgerTransfer.objects.count()
        attacker, operator_role = stage.platform.account(ATTACKER).address.lower(), calls.keccak(text="OPERATOR_ROLE")
        not_his = ("AccessControlUnauthorizedAccount", "account={}, neededRole=0x{}")
        no_role = (not_his[0], not_his[1].format(attacker, operator_role.hex()))
        no_admin = (not_his[0], not_his[1].format(attacker, "00" * 32))
        assert theft.refusal(calls.settle([theft.trade])) == no_role
        assert theft.refusal(settle_one(astuple(theft.trade))) == ("OnlySelf", "")
        assert theft.refusal(calls.allow_token(theft.fake, calls.SECURITY_TOKEN)) == no_admin
        # Nor if our operator were made to send it, who could send any honest trade between the two.
        honest = replace(theft.trade, seller=stage.alice, security=stage.token)
        assert (settles(stage.platform, theft.trade), settles(stage.platform, honest)) == (False, True)
        stage.settle_down()
        assert (holdings(stage), stage.books(), held(stage), LedgerTransfer.objects.count()) == before
        run = stage.run(order=FULL)
        assert (run.status, run.breaks, run.problems) == ("CLEAN", (), ())
        stage.platform.step("settler")
        stage.settle_down()
        row, after = waiting(), holdings(stage)
        assert (row.settlement_status, row.attempts) == ("SETT", 1)
        assert after["bob", "security"] == before[0]["bob", "security"] + SECURITY_HELD
        assert after["alice", "cash"] == before[0]["alice", "cash"] + CASH_HELD
        assert stage.run(order=FULL).status == "CLEAN"

    def test_33_cash_that_returns_false_moves_neither_leg(self, world: World) -> None:
        stage, cash = world.stage, world.stage.platform.contracts["payment_token"]
        before, began = (holdings(stage), stage.books()), stage.platform.head() + 1
        assert held(stage) == (SECURITY_HELD, CASH_HELD)
        with cash_that_says_no(stage):
            stage.platform.step("settler")
            stage.settle_down()
            row = waiting()
            assert (row.processing_status, row.settlement_status, row.attempts) == ("PACK", "PENF", 1)
            assert (row.reason_code, row.reason_detail) == ("OTHR", "TOKEN_RETURNED_FALSE")
            assert (holdings(stage), stage.books(), held(stage)) == (*before, (SECURITY_HELD, CASH_HELD))
            stage.settle_until_given_up()
            row.refresh_from_db()
            assert (row.processing_status, row.settlement_status, row.attempts) == ("CANC", "PENF", 3)
            assert (row.reason_code, row.reason_detail) == ("OTHR", "TOKEN_RETURNED_FALSE")
            assert failures(stage.platform, began) == [(row.dvp_id, "ReturnedFalse", f"token={cash}")] * 3
            assert (holdings(stage), stage.books(), held(stage)) == (*before, (0, 0))
            # The token that took its place counts otherwise: books and chain mean other amounts by the same number.
            assert [(b.kind, b.asset) for b in stage.run(order=RunOrder()).breaks] == [("DECIMALS", "USDX")]
        stage.platform.finalize()
        stage.settle_down()
        assert (holdings(stage), stage.books()) == before
        run = stage.run(order=FULL)
        assert (run.status, run.breaks, run.problems, run.in_flight) == ("CLEAN", (), (), 0)

    def test_a_trade_settles_at_the_next_try_once_cash_moves_again(self, world: World) -> None:
        stage, before = world.stage, holdings(world.stage)
        with cash_that_says_no(stage):
            stage.platform.step("settler")
            stage.settle_down()
            assert waiting().settlement_status == "PENF"
        stage.platform.step("settler", later=timedelta(minutes=5))
        stage.settle_down()
        row, after = waiting(), holdings(stage)
        assert (row.settlement_status, row.attempts, row.reason_code) == ("SETT", 2, "")
        assert (after["bob", "security"] - before["bob", "security"], held(stage)) == (SECURITY_HELD, (0, 0))
        assert stage.run(order=FULL).status == "CLEAN"
