"""The next batch is read while one is stored, and only what stands on our own block is used."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pytest

from apps.chain.errors import RpcError
from apps.chain.gateway import Node
from apps.chain.models import Block, RawLog, StreamCursor, WatchedContract
from apps.chain.selectors.blocks import STREAM
from apps.chain.selectors.logs import is_covered
from apps.chain.selectors.watched import watched_kinds
from apps.chain.services import ingestion
from apps.chain.services.backfilling import Gap, Past, PastAhead
from apps.chain.services.preparing import PreparedLogs
from apps.chain.services.reading import HEADERS_A_STEP, Ahead, Place
from apps.chain.testing.lies import Question, Refused
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.testing.twin import differences, honest_rows, rows
from apps.chain.tests.stage import (
    ALICE,
    NOW,
    balances_are_folds,
    catch_up,
    head_fold,
    lead,
    node_logs,
    step,
    stored_logs,
    watch,
)
from apps.chain.types import ContractKind
from apps.core.daemon import Leadership
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID

UNFINAL = 64
STRANGER = "0x" + "0a" * 20


class Chain(NamedTuple):
    """A chain of five steps and more, with a log in every fiftieth block."""

    chain: LocalChain
    token: str


class Reader(NamedTuple):
    """A stream that has stored a batch of a token whose past is whole."""

    node: Node
    liar: LyingNode
    leadership: Leadership
    ahead: Ahead

    def step(self) -> bool:
        return ingestion.advance(node=self.node, leadership=self.leadership, now=NOW, ahead=self.ahead)


@pytest.fixture(scope="module")
def past() -> Iterator[Chain]:
    with private_node() as url:
        chain = LocalChain(url)
        token = chain.deploy_token()
        while chain.head() < 5 * HEADERS_A_STEP + UNFINAL:
            chain.mint(token, ALICE, 1)
            chain.mine(49)
        yield Chain(chain, token)
        chain.close()


@pytest.fixture(scope="class")
def reader(books: str, past: Chain) -> Iterator[Reader]:
    watch(past.token, 1)
    with LyingNode(past.chain.url) as liar, Node(liar.url, chain_id=CHAIN_ID) as node:
        found = Reader(node, liar, lead(), Ahead())
        while not is_covered(past.token):
            assert found.step()
        assert found.step()
        yield found
        found.ahead.drop()


class Latecomer(NamedTuple):
    """A stream at the head, and a token that is watched only now."""

    node: Node
    liar: LyingNode
    leadership: Leadership
    past: PastAhead
    token: str

    def step(self) -> bool:
        return ingestion.advance(node=self.node, leadership=self.leadership, now=NOW, past=self.past)

    def covered_to(self) -> int:
        return WatchedContract.objects.get(address=self.token).covered_to


@pytest.fixture(scope="class")
def latecomer(books: str, past: Chain) -> Iterator[Latecomer]:
    watch(STRANGER, 1)  # the stream begins at the first block
    with LyingNode(past.chain.url) as liar, Node(liar.url, chain_id=CHAIN_ID) as node:
        found = Latecomer(node, liar, lead(), PastAhead(), past.token)
        while step(node, found.leadership):
            pass
        watch(past.token, 1)
        assert found.step()
        yield found
        found.past.drop()


def cursor() -> StreamCursor:
    return StreamCursor.objects.get(name=STREAM)


def place() -> Place:
    return Place(cursor().number, cursor().hash, watched_kinds(whole=True))


def asked_above(liar: LyingNode, number: int) -> list[int]:
    numbers = [params[0] for method, params in liar.asked if method == "eth_getBlockByNumber"]
    return [int(each, 16) for each in numbers if each.startswith("0x") and int(each, 16) > number]


class TestTheNextBatch:
    def test_is_there_before_it_is_asked_for(self, reader: Reader, past: Chain) -> None:
        stored = cursor().number
        reader.ahead._asked[1].result()  # type: ignore[index]
        assert Block.objects.filter(number__gt=stored).count() == 0
        assert max(asked_above(reader.liar, stored)) == stored + HEADERS_A_STEP
        reader.liar.asked.clear()
        assert reader.step()
        assert cursor().number == stored + HEADERS_A_STEP
        while reader.step():
            pass
        assert cursor().number == past.chain.head()

    def test_leaves_the_rows_that_a_stream_without_it_leaves(self, past: Chain, template: str) -> None:
        def feed() -> None:
            watch(past.token, 1)
            catch_up(past.chain.node, lead())

        balances_are_folds()
        assert head_fold(past.token) == {ALICE: past.chain.balance(past.token, ALICE)}
        assert differences(rows(), honest_rows(template, feed)) == {}


class TestABatchThatDoesNotFit:
    def test_above_another_block_is_not_used(self, reader: Reader) -> None:
        here = place()
        reader.ahead.drop()
        reader.ahead.begin(reader.node, here, (), final_number=10_000)
        assert reader.ahead.take(replace(here, hash="0x" + "77" * 32)) is None
        reader.ahead.begin(reader.node, replace(here, hash="0x" + "77" * 32), (), final_number=10_000)
        assert reader.ahead.take(replace(here, hash="0x" + "77" * 32)) is None

    def test_read_for_other_contracts_is_not_used(self, reader: Reader) -> None:
        here = place()
        reader.ahead.drop()
        reader.ahead.begin(reader.node, here, (), final_number=10_000)
        more = {**here.kinds, "0x" + "0a" * 20: ContractKind.CASH}
        assert reader.ahead.take(replace(here, kinds=more)) is None

    def test_of_blocks_that_are_not_final_is_never_asked_for(self, reader: Reader) -> None:
        here = place()
        reader.ahead.drop()
        reader.ahead.begin(reader.node, here, (), final_number=here.number)
        assert reader.ahead.take(here) is None


class TestABatchThatIsRefused:
    def test_is_asked_for_by_the_stream_which_says_why(self, reader: Reader) -> None:
        reader.ahead.drop()
        stored = cursor().number

        def is_above(question: Question) -> bool:
            asked = question.params[0] if question.method == "eth_getBlockByNumber" else "latest"
            return str(asked).startswith("0x") and int(asked, 16) > stored + 5

        with reader.liar.lying(Refused("eth_getBlockByNumber", -32000, "boom", where=is_above)):
            reader.ahead.begin(reader.node, place(), (), final_number=10_000)
            with pytest.raises(RpcError):
                reader.step()
        assert cursor().number == stored
        assert reader.step()
        assert cursor().number > stored


class TestThePastOfALatecomer:
    def test_is_read_while_what_is_below_is_stored(self, latecomer: Latecomer) -> None:
        wanted, read = latecomer.past._asked  # type: ignore[misc]
        assert wanted == Gap(HEADERS_A_STEP, {latecomer.token: ContractKind.CASH})
        assert len(read.result().headers) == HEADERS_A_STEP
        assert latecomer.covered_to() == HEADERS_A_STEP
        assert not RawLog.objects.filter(block_number__gt=HEADERS_A_STEP).exists()

    def test_of_blocks_that_are_not_ours_is_read_again(self, latecomer: Latecomer) -> None:
        wanted, read = latecomer.past._asked  # type: ignore[misc]
        true = read.result()
        strange = [replace(true.headers[0], hash="0x" + "77" * 32), *true.headers[1:]]
        latecomer.past.ask(wanted, lambda: Past(strange, PreparedLogs({}, ())))
        assert latecomer.step()
        assert latecomer.covered_to() == 2 * HEADERS_A_STEP
        assert RawLog.objects.filter(block_number__gt=HEADERS_A_STEP).count() == len(true.logs) > 0

    def test_of_other_contracts_is_read_again(self, latecomer: Latecomer) -> None:
        wanted, read = latecomer.past._asked  # type: ignore[misc]
        true = read.result()
        other = Gap(wanted.number, {**wanted.kinds, STRANGER: ContractKind.CASH})
        latecomer.past.ask(other, lambda: Past(true.headers, PreparedLogs({}, ())))
        assert latecomer.step()
        assert RawLog.objects.filter(block_number__gt=2 * HEADERS_A_STEP).count() == len(true.logs) > 0

    def test_that_is_refused_is_asked_for_by_the_step_which_says_why(self, latecomer: Latecomer) -> None:
        wanted, read = latecomer.past._asked  # type: ignore[misc]
        assert read.result() is not None
        with latecomer.liar.lying(Refused("eth_getBlockReceipts", -32000, "boom")):
            headers = [replace(each, transactions=None) for each in read.result().headers]
            latecomer.past.begin(latecomer.node, wanted, headers, 10_000)
            with pytest.raises(RpcError):
                latecomer.step()
        assert latecomer.covered_to() == wanted.number

    def test_is_whole_in_the_end_and_no_log_is_there_twice(self, latecomer: Latecomer, past: Chain) -> None:
        while latecomer.step():
            pass
        assert is_covered(past.token)
        assert stored_logs(past.token) == node_logs(past.chain, past.token)
        balances_are_folds()

    def test_is_found_there_where_it_is_fetched_again(self, latecomer: Latecomer, past: Chain) -> None:
        kept = stored_logs(past.token)
        WatchedContract.objects.filter(address=past.token).update(covered=False, covered_to=0)
        while latecomer.step():
            pass
        assert is_covered(past.token)
        assert stored_logs(past.token) == kept
        balances_are_folds()
