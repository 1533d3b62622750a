"""One transaction now: on a real node, one that lies, and against a rewind."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import connections
from django.db.models import F

from apps.accounts.tests.factories import make_actor
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.chain.errors import (
    ChainUnavailable,
    ContractNotWatched,
    IncompleteAnswer,
    TransactionPending,
    UnknownTransaction,
)
from apps.chain.gateway import Node
from apps.chain.models import Block, HolderBalance, RawLog, StreamCursor, TokenSupply, WatchedContract
from apps.chain.selectors.blocks import FINAL_FOLD, HEAD_FOLD, STREAM
from apps.chain.selectors.holders import held_at_final, held_at_head
from apps.chain.services import ingest_one
from apps.chain.services.ingest_one import Ingested, ingest_transaction
from apps.chain.testing.forks import reorg
from apps.chain.testing.lies import Altered, Empty, Lie, OldHead, Refused, Short
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.stage import ALICE, BOB, NOW, balances_are_folds, catch_up, everything, lead, step, watch
from apps.core.actor import Actor
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID
from apps.core.models import Alert
from apps.core.testing.databases import superuser

UNKNOWN = "0x" + "ab" * 32


@dataclass
class Desk:
    """A token that is watched, a stream that follows it, and a person who asks."""

    chain: LocalChain
    liar: LyingNode
    node: Node
    token: str
    leadership: Leadership
    actor: Actor

    def mint(self, amount: int = 1) -> str:
        return self.chain.mint(self.token, ALICE, amount)

    def followed(self, amount: int = 1, *, blocks: int = 0) -> str:
        """A mint that the stream has stored."""
        tx_hash = self.mint(amount)
        self.chain.mine(blocks)
        catch_up(self.chain.node, self.leadership)
        return tx_hash

    def ingest(self, tx_hash: str, patience: float = 0.2) -> Ingested:
        return ingest_transaction(actor=self.actor, tx_hash=tx_hash, node=self.node, now=NOW, patience=patience)

    def lose(self, tx_hash: str) -> None:
        """The books lose the transaction's log, and what it did to balances, behind everybody's back."""
        log = RawLog.objects.get(tx_hash=tx_hash, block__canonical=True)
        folded = {cursor.name: cursor.number >= log.block_number for cursor in StreamCursor.objects.all()}
        less = {name: F(name) - log.amount for name in (HEAD_FOLD, FINAL_FOLD) if folded[name]}
        HolderBalance.objects.filter(token=self.token, wallet=ALICE).update(**less)
        TokenSupply.objects.filter(token=self.token).update(**less)
        with superuser(connections["default"].settings_dict["NAME"]) as cursor:
            cursor.execute("ALTER TABLE chain_rawlog DISABLE TRIGGER ALL")
            cursor.execute("DELETE FROM chain_rawlog WHERE id = %s", [log.pk])


@pytest.fixture(scope="class")
def desk(books: str) -> Iterator[Desk]:
    with private_node(slots_in_an_epoch=1) as url, LyingNode(url) as liar, Node(liar.url, chain_id=CHAIN_ID) as node:
        chain = LocalChain(url)
        token = chain.deploy_token()
        watch(token, 1)
        chain.mine(3)
        found = Desk(chain, liar, node, token, lead(), make_actor(role=Role.OPS))
        catch_up(chain.node, found.leadership)
        yield found
        chain.close()


def state() -> tuple[object, ...]:
    """All that a refusal leaves as it is."""
    cursors = list(StreamCursor.objects.order_by("name").values_list("name", "number", "hash"))
    return everything(), cursors, AuditLog.objects.count(), Alert.objects.count()


class TestAStoredTransaction:
    def test_is_there_and_nothing_is_changed(self, desk: Desk) -> None:
        tx_hash = desk.followed()
        before = everything()
        done = desk.ingest(tx_hash)
        assert (done.is_here, done.stored) == (True, 0)
        assert everything() == before
        assert Alert.objects.count() == 0
        row = AuditLog.objects.get(action="chain.transaction_ingested", resource_id=tx_hash)
        assert (row.user_id, row.after["stored"]) == (desk.actor.user_id, 0)


class TestALostLog:
    @pytest.mark.parametrize("blocks", [0, 5], ids=["near the head", "final"])
    def test_is_stored_again_once_with_a_critical_alert(self, desk: Desk, blocks: int) -> None:
        tx_hash = desk.followed(7, blocks=blocks)
        whole, held = set(RawLog.objects.values_list("block_id", "log_index")), held_at_head(desk.token)
        desk.lose(tx_hash)
        assert held_at_head(desk.token).by_wallet != held.by_wallet
        cursor = StreamCursor.objects.get(name=STREAM)
        done = desk.ingest(tx_hash)
        assert (done.is_here, done.stored) == (True, 1)
        assert set(RawLog.objects.values_list("block_id", "log_index")) == whole
        assert held_at_head(desk.token).by_wallet == held.by_wallet
        balances_are_folds()
        alert = Alert.objects.get(dedup_key=f"chain.coverage:{done.block_number}")
        assert (alert.severity, alert.resolved_at, alert.count) == ("CRITICAL", None, 1)
        assert StreamCursor.objects.get(name=STREAM).number == cursor.number
        assert desk.ingest(tx_hash).stored == 0
        assert Alert.objects.get(pk=alert.pk).count == 1

    def test_of_another_transaction_of_the_block_is_found_too(self, desk: Desk) -> None:
        desk.chain.node.call("evm_setAutomine", False)
        data = "0x40c10f19" + ALICE[2:].rjust(64, "0") + f"{1:064x}"
        call = {"from": desk.chain.minter, "to": desk.token, "data": data, "gas": hex(300_000)}
        first, second = (desk.chain.node.call("eth_sendTransaction", call) for _ in range(2))
        desk.chain.mine(1)
        desk.chain.node.call("evm_setAutomine", True)
        catch_up(desk.chain.node, desk.leadership)
        desk.lose(first)
        assert desk.ingest(second).stored == 1

    def test_is_taken_back_with_its_block(self, desk: Desk) -> None:
        """A balance that a repair added to goes back to what it was when the block is orphaned."""
        before = dict(held_at_head(desk.token).by_wallet)
        tx_hash = desk.followed(11)
        desk.lose(tx_hash)
        assert desk.ingest(tx_hash).stored == 1
        reorg(desk.chain, 1)
        catch_up(desk.chain.node, desk.leadership)
        assert dict(held_at_head(desk.token).by_wallet) == before


class TestATransactionThatIsNot:
    def test_known_is_not_found(self, desk: Desk) -> None:
        before = state()
        with pytest.raises(UnknownTransaction):
            desk.ingest(UNKNOWN)
        assert state() == before

    def test_mined_is_pending(self, desk: Desk) -> None:
        desk.chain.node.call("evm_setAutomine", False)
        call = {"from": desk.chain.minter, "to": BOB, "value": "0x1"}
        tx_hash = desk.chain.node.call("eth_sendTransaction", call)
        before = state()
        with pytest.raises(TransactionPending):
            desk.ingest(tx_hash)
        assert state() == before
        desk.chain.node.call("evm_setAutomine", True)
        desk.chain.mine(1)

    def test_of_a_watched_contract_is_refused(self, desk: Desk) -> None:
        tx_hash = desk.chain.mint(desk.chain.deploy_token(), ALICE, 1)
        before = state()
        with pytest.raises(ContractNotWatched):
            desk.ingest(tx_hash)
        assert state() == before


class TestATransactionAboveTheCursor:
    def test_is_waited_for_in_vain_where_nobody_follows(self, desk: Desk) -> None:
        tx_hash = desk.mint()
        before = state()
        done = desk.ingest(tx_hash, patience=0.3)
        assert (done.is_here, done.stored) == (False, 0)
        assert state() == before
        catch_up(desk.chain.node, desk.leadership)

    def test_is_there_as_soon_as_the_stream_is(self, desk: Desk) -> None:
        tx_hash = desk.mint()
        found: list[Ingested] = []

        def ask() -> None:
            try:
                found.append(desk.ingest(tx_hash, patience=20))
            finally:
                connections.close_all()

        asking_ = threading.Thread(target=ask)
        asking_.start()
        catch_up(desk.chain.node, desk.leadership)
        asking_.join(30)
        assert [(done.is_here, done.stored) for done in found] == [(True, 0)]

    def test_of_a_contract_being_backfilled_is_waited_for(self, desk: Desk) -> None:
        late = desk.chain.deploy_token()
        tx_hash = desk.chain.mint(late, ALICE, 1)
        catch_up(desk.chain.node, desk.leadership)
        watch(late, 1)
        before = everything()
        assert desk.ingest(tx_hash).is_here is False
        assert everything() == before
        catch_up(desk.chain.node, desk.leadership)
        assert WatchedContract.objects.get(pk=late).covered
        assert desk.ingest(tx_hash).is_here is True


LIES: dict[str, tuple[Lie, type[Exception]]] = {
    "no receipts": (Empty(), IncompleteAnswer),
    "fewer logs": (Short(drop=1.0), IncompleteAnswer),
    "another block": (Altered("eth_getTransactionReceipt", {"blockHash": UNKNOWN}), IncompleteAnswer),
    "another height": (Altered("eth_getTransactionReceipt", {"blockNumber": "0x1"}), IncompleteAnswer),
    "another transaction": (Altered("eth_getTransactionReceipt", {"transactionHash": UNKNOWN}), IncompleteAnswer),
    "no number": (Altered("eth_getTransactionReceipt", {"blockNumber": None}), IncompleteAnswer),
    "a number that is none": (Altered("eth_getTransactionReceipt", {"blockNumber": "7"}), IncompleteAnswer),
    "a forged header": (Altered("eth_getBlockByNumber", {"receiptsRoot": UNKNOWN}), IncompleteAnswer),
    "a block without it": (Altered("eth_getBlockByNumber", {"transactions": []}), IncompleteAnswer),
    "a refusal": (Refused("eth_getTransactionReceipt", -32000, "no"), ChainUnavailable),
}


class TestALyingNode:
    @pytest.mark.parametrize("name", LIES)
    def test_is_told_from_an_honest_one_and_nothing_is_stored(self, desk: Desk, name: str) -> None:
        lie, error = LIES[name]
        tx_hash = desk.followed()
        desk.lose(tx_hash)
        before = state()
        with desk.liar.lying(lie), pytest.raises(error):
            desk.ingest(tx_hash)
        assert lie.told
        assert state() == before
        assert desk.ingest(tx_hash).stored == 1

    def test_that_lags_knows_no_such_transaction_yet(self, desk: Desk) -> None:
        tx_hash = desk.followed()
        before = state()
        with desk.liar.lying(OldHead(behind=2)), pytest.raises((UnknownTransaction, TransactionPending)):
            desk.ingest(tx_hash)
        assert state() == before


class TestARewind:
    def test_that_comes_first_leaves_nothing_to_store_in(self, desk: Desk) -> None:
        """Between the node's answer and our commit the block is orphaned."""
        tx_hash = desk.followed(3)
        mined = ingest_one.fetch_mined(desk.node, tx_hash, [desk.token])
        desk.lose(tx_hash)
        reorg(desk.chain, 1)
        catch_up(desk.chain.node, desk.leadership)
        before = state()
        assert ingest_one._complete(desk.actor, mined, NOW) is None
        assert state() == before

    def test_that_comes_meanwhile_waits_for_the_commit(self, desk: Desk) -> None:
        """The stream commits nothing while a repair has not, and then goes on as ever."""
        tx_hash = desk.followed(3)
        mined = ingest_one.fetch_mined(desk.node, tx_hash, [desk.token])
        desk.lose(tx_hash)
        reorg(desk.chain, 1)
        moved = threading.Event()

        def rewind() -> None:
            try:
                while step(desk.chain.node, desk.leadership):
                    pass
                moved.set()
            finally:
                connections.close_all()

        follower = threading.Thread(target=rewind)
        with unit_of_work():
            done = ingest_one._complete(desk.actor, mined, NOW)
            assert (done and done.stored) == 1
            follower.start()
            assert not moved.wait(0.5)
            assert Block.objects.filter(canonical=True, logs__tx_hash=tx_hash).exists()
        follower.join(20)
        assert moved.is_set()
        assert not Block.objects.filter(canonical=True, logs__tx_hash=tx_hash).exists()
        catch_up(desk.chain.node, desk.leadership)

    def test_races_repairs_without_a_wrong_balance(self, desk: Desk) -> None:
        for number in range(6):
            tx_hash = desk.followed(20 + number)
            desk.lose(tx_hash)
            reorg(desk.chain, 1)
            barrier = threading.Barrier(2)
            outcomes: list[object] = []

            thread = threading.Thread(target=repair, args=(desk, tx_hash, barrier, outcomes))
            thread.start()
            barrier.wait()
            catch_up(desk.chain.node, desk.leadership)
            thread.join(30)
            assert len(outcomes) == 1
            catch_up(desk.chain.node, desk.leadership)
            assert held_at_final(desk.token).supply >= 0


def repair(desk: Desk, tx_hash: str, barrier: threading.Barrier, outcomes: list[object]) -> None:
    """In a thread: ask for the transaction once, at the barrier."""
    try:
        barrier.wait()
        outcomes.append(desk.ingest(tx_hash, patience=0.1))
    except (UnknownTransaction, TransactionPending, IncompleteAnswer) as error:
        outcomes.append(error)
    finally:
        connections.close_all()
