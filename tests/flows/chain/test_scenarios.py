"""Scenarios of the chain that end in the books: 1, 2, 25, 27 and 40, on a real chain, with real trades."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import override_settings
from eth_utils.address import to_checksum_address

from apps.accounts.tests.factories import actor_of
from apps.chain import calls
from apps.chain.models import Block, RawLog, Reorganisation, TxAttempt, TxIntent, WatchedContract
from apps.chain.selectors.holders import held_at_head
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.testing.forks import forking, reorg
from apps.chain.testing.tables import BOOKS, STREAM
from apps.chain.testing.twin import differences, rows, twin_of
from apps.chain.tests.sending import passages, step_until_mined
from apps.core import clock
from apps.core.devstack.layout import CHECKOUT
from apps.issuance.services.decisions import approve_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.floor import Floor
from apps.issuance.tests.test_on_chain import USDX, trade
from apps.issuance.types import IssuanceDraft
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import by_wallet, control_totals, position
from apps.settlement.models import SettlementInstruction
from apps.settlement.selectors.movements import unexplained

GWEI = 10**9
ENGINES = ("ingester", "sender", "relay", "projector")
PAUSER = 0  # the deployer, in development
TAKES_FEE = 6  # HostileToken.Mode
SET_MODE = calls._call("setMode(uint8)")


@pytest.fixture(scope="class")
def floor(chain_platform: ChainPlatform) -> Floor:
    """Issued units with the seller, cash with the buyer, both allowed to the settlement contract."""
    floor = Floor(chain_platform)
    draft = IssuanceDraft("first", floor.isin, "100", party_id=floor.seller.party.pk)
    asked = request_issuance(actor=actor_of(floor.maker), draft=draft, now=clock.now())
    approve_issuance(actor=actor_of(floor.checker), issuance_id=asked.id, now=clock.now())
    floor.give_cash(floor.buyer, 5_000)
    floor.approve(floor.buyer, floor.cash)
    floor.approve(floor.seller, floor.token)
    floor.run()
    return floor


def holdings(floor: Floor) -> dict[str, dict[str, int]]:
    """What the books say everybody has."""
    return {asset: {who: units for who, units in by_wallet(asset).items() if units} for asset in (floor.isin, USDX)}


def agree_with_the_chain(floor: Floor) -> None:
    """The books sum to zero, and everybody has there what the chain gives him; nobody waits."""
    for asset, token in ((floor.isin, floor.token), (USDX, floor.cash)):
        assert sum(control_totals(asset).values()) == 0
        for owner in (floor.seller, floor.buyer):
            assert by_wallet(asset).get(owner.wallet, 0) == floor.balance(token, owner)
            assert position(asset, owner.wallet).held == 0
    assert unexplained() == []


def settle_call() -> TxIntent:
    """The newest call to the settlement contract."""
    return TxIntent.objects.filter(kind="settle").latest("nonce")


@contextmanager
def mined_by_hand(platform: ChainPlatform) -> Iterator[None]:
    """The node mines when it is told to."""
    platform.node.call("evm_setAutomine", False)
    try:
        yield
    finally:
        platform.node.call("evm_setAutomine", True)


def overtake(platform: ChainPlatform, index: int, to: str, data: bytes) -> None:
    """Put a transaction before whatever waits in the pool."""
    account = platform.account(index)
    fields = {
        "type": 2,
        "chainId": platform.node.chain_id,
        "nonce": int(platform.node.call("eth_getTransactionCount", account.address, "latest"), 16),
        "to": to_checksum_address(to),
        "data": data,
        "value": 0,
        "gas": 200_000,
        "maxFeePerGas": 500 * GWEI,
        "maxPriorityFeePerGas": 100 * GWEI,
    }
    platform.node.call("eth_sendRawTransaction", "0x" + bytes(account.sign_transaction(fields).raw_transaction).hex())


@contextmanager
def final_after(blocks: int) -> Iterator[None]:
    """Blocks are final so many later."""
    chain = settings.SECURITY.chain
    policy = replace(chain, finality=replace(chain.finality, mode="DEPTH", depth=blocks))
    with override_settings(SECURITY=replace(settings.SECURITY, chain=policy)):
        yield


def try_until_given_up(floor: Floor) -> None:
    """Let the settler try as often as it does."""
    for minutes in (5, 10, 20, 40):
        floor.platform.step("settler", later=timedelta(minutes=minutes))
        floor.run()


class TestScenarios:
    def test_01_a_settlement_whose_block_is_replaced_and_that_is_mined_again_is_booked_once(self, floor: Floor) -> None:
        platform, before = floor.platform, holdings(floor)
        row = trade(floor, "trade:1", 10, 1_000)
        platform.step("settler")
        step_until_mined(platform, settle_call())
        platform.step("ingester")
        sent = settle_call()
        orphan, signed = platform.hash_at(platform.head()), platform.raw(sent.tx_hash)
        posted = LedgerTransfer.objects.count()
        with twin_of(connections["default"].settings_dict["NAME"]), platform.reborn() as twin:
            reorg(platform, 1)
            platform.node.call("eth_sendRawTransaction", signed)
            platform.finalize()
            twin.catch_up(*ENGINES)
            honest = rows((*STREAM, *BOOKS), canonical=True)
        floor.platform.engines.clear()
        platform.catch_up(*ENGINES)
        assert differences(rows((*STREAM, *BOOKS), canonical=True), honest) == {}
        assert Reorganisation.objects.latest("pk").tip_hash == orphan
        seen = RawLog.objects.filter(tx_hash=sent.tx_hash).values_list("block__canonical", flat=True)
        assert sorted(seen) == [False] * (len(seen) // 2) + [True] * (len(seen) // 2)
        assert Block.objects.get(hash=orphan).canonical is False
        row.refresh_from_db()
        assert (row.settlement_status, row.attempts) == ("SETT", 1)
        assert LedgerTransfer.objects.count() == posted + 2
        after = holdings(floor)
        assert after[floor.isin][floor.buyer.wallet] == before[floor.isin].get(floor.buyer.wallet, 0) + 10
        assert after[USDX][floor.seller.wallet] == before[USDX].get(floor.seller.wallet, 0) + 1_000
        floor.run()
        agree_with_the_chain(floor)

    def test_02_a_settlement_lost_with_forty_blocks_leaves_the_books_and_is_sent_again(self, floor: Floor) -> None:
        platform, before, held = floor.platform, holdings(floor), dict(held_at_head(floor.token).by_wallet)
        with final_after(64), forking(platform) as fork:
            row = trade(floor, "trade:2", 10, 1_000)
            platform.step("settler")
            step_until_mined(platform, settle_call())
            sent = settle_call()
            platform.mine(39)
            platform.catch_up(*ENGINES)
            assert held_at_head(floor.token).by_wallet[floor.buyer.wallet] == held.get(floor.buyer.wallet, 0) + 10
            assert holdings(floor) == before
            fork.switch()
            platform.mine(40)
            platform.catch_up("ingester")
            assert Reorganisation.objects.latest("pk").tip_number == platform.head()
            assert dict(held_at_head(floor.token).by_wallet) == held
            assert holdings(floor) == before
        floor.run()
        row.refresh_from_db()
        assert (row.settlement_status, row.attempts) == ("SETT", 1)
        came_to = passages(read(sent.pk))
        orphaned = came_to.index("ORPHANED")
        assert came_to[orphaned - 1] in {"MINED", "SAFE"}
        assert came_to[orphaned + 1] == "BROADCAST"
        assert came_to[-2:] == ["MINED", "FINAL"]
        after = holdings(floor)
        assert after[floor.isin][floor.buyer.wallet] == before[floor.isin].get(floor.buyer.wallet, 0) + 10
        agree_with_the_chain(floor)

    def test_25_a_settlement_that_is_mined_and_reverts_releases_both_holds(self, floor: Floor) -> None:
        platform, before = floor.platform, holdings(floor)
        row = trade(floor, "trade:25", 5, 500)
        assert (position(floor.isin, floor.seller.wallet).held, position(USDX, floor.buyer.wallet).held) == (5, 500)
        platform.step("settler")
        with mined_by_hand(platform):
            platform.step("sender")
            sent = settle_call()
            overtake(platform, PAUSER, platform.contracts["dvp"], calls.pause())
            platform.mine()
        receipt = platform.receipt(TxAttempt.objects.get(intent=sent).hash)
        assert receipt is not None
        assert int(receipt["status"], 16) == 0
        floor.run()
        sent.refresh_from_db()
        assert (sent.state, sent.reason) == ("REVERTED", "EnforcedPause")
        try_until_given_up(floor)
        row.refresh_from_db()
        assert (row.processing_status, row.attempts) == ("CANC", 3)
        assert row.reason_detail == "CALL_FAILED: EnforcedPause"
        assert holdings(floor) == before
        platform.send(platform.account(PAUSER), platform.contracts["dvp"], calls.unpause())
        agree_with_the_chain(floor)

    def test_27_cash_that_takes_a_fee_from_what_the_seller_gets_settles_nothing(self, floor: Floor) -> None:
        platform, before = floor.platform, holdings(floor)
        on_chain = [
            floor.balance(token, owner) for token in (floor.token, floor.cash) for owner in (floor.seller, floor.buyer)
        ]
        honest_code = platform.node.call("eth_getCode", floor.cash, "latest")
        platform.node.call("anvil_setCode", floor.cash, _runtime("HostileToken"))  # an upgrade behind our back
        platform.send(platform.account(7), floor.cash, SET_MODE(TAKES_FEE))
        row = trade(floor, "trade:27", 5, 500)
        platform.step("settler")
        floor.run()
        row.refresh_from_db()
        assert (row.settlement_status, row.attempts) == ("PENF", 1)
        assert (row.reason_code, row.reason_detail) == ("OTHR", "WRONG_AMOUNT_RECEIVED")
        try_until_given_up(floor)
        row.refresh_from_db()
        assert (row.processing_status, row.attempts) == ("CANC", 3)
        assert holdings(floor) == before
        platform.send(platform.account(7), floor.cash, SET_MODE(0))
        platform.node.call("anvil_setCode", floor.cash, honest_code)
        assert on_chain == [
            floor.balance(token, owner) for token in (floor.token, floor.cash) for owner in (floor.seller, floor.buyer)
        ]
        agree_with_the_chain(floor)

    def test_40_a_backfill_replayed_twice_adds_no_row_and_no_posting(self, floor: Floor) -> None:
        floor.run()
        before, newest = rows((*STREAM, *BOOKS)), RawLog.objects.latest("pk").pk
        assert SettlementInstruction.objects.filter(settlement_status="SETT").exists()
        for _ in range(2):
            for contract in WatchedContract.objects.all():
                WatchedContract.objects.filter(pk=contract.pk).update(covered=False, covered_to=contract.from_block - 1)
            floor.platform.catch_up("ingester", "relay", "projector")
            assert differences(rows((*STREAM, *BOOKS)), before) == {}
        assert RawLog.objects.latest("pk").pk == newest
        agree_with_the_chain(floor)


def _runtime(name: str) -> str:
    """The code of a compiled test contract, as it stands on the chain."""
    built = json.loads((Path(CHECKOUT) / "contracts" / "build" / "test" / f"{name}.json").read_text())
    return str(built["deployedBytecode"])
