"""Very many reads at one block: the same as one by one, and unknown wherever the answer is not whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from apps.chain.codec.multicall import AGGREGATE3, Malformed, aggregate3, read_words
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import ContractAddress
from apps.chain.selectors import multicall, storage
from apps.chain.selectors.layouts import mapping_key
from apps.chain.selectors.multicall import AT_ONCE, FEW, MULTICALL3, OURS, one_word
from apps.chain.testing.lies import Answers, Status
from apps.chain.testing.local_chain import LocalChain, bytecode, hx
from apps.chain.testing.lying_node import LyingNode
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID

CALLS, RESULTS = "(address,bool,bytes)[]", "(bool,bytes)[]"
HOLDERS = [hx(0xA0000 + number) for number in range(AT_ONCE + 1_500)]
UNITS = {holder: number * 10**20 for number, holder in enumerate(HOLDERS)}
BOB = hx(0xB0B)
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
WORDS = st.integers(0, 2**256 - 1)


def answer_of(rows: list[tuple[bool, bytes]]) -> str:
    return "0x" + encode([RESULTS], [rows]).hex()


class TestTheCall:
    @given(ADDRESSES, st.lists(ADDRESSES, max_size=20))
    def test_is_what_the_abi_says(self, target: str, addresses: list[str]) -> None:
        rows = [(target, True, bytes.fromhex("70a08231") + encode(["address"], [each])) for each in addresses]
        assert aggregate3(target, "0x70a08231", addresses) == AGGREGATE3 + encode([CALLS], [rows]).hex()

    def test_takes_no_address_of_another_length(self) -> None:
        for address in ("0x" + "11" * 19, "0x" + "11" * 21):
            with pytest.raises(ValueError, match="42"):
                aggregate3(hx(1), "0x70a08231", [hx(1), address])


class TestTheAnswer:
    @given(st.lists(WORDS, max_size=20))
    def test_gives_the_word_of_each_call(self, words: list[int]) -> None:
        found = read_words(answer_of([(True, word.to_bytes(32, "big")) for word in words]), len(words))
        assert (found.words, found.failed) == (words, [])

    @given(st.lists(st.tuples(st.booleans(), st.binary(max_size=70)), max_size=12))
    def test_knows_only_what_succeeded_with_one_word(self, rows: list[tuple[bool, bytes]]) -> None:
        found = read_words(answer_of(rows), len(rows))
        known = [int.from_bytes(data, "big") if success and len(data) == 32 else None for success, data in rows]
        assert (found.words, found.failed) == (known, [at for at, (success, _) in enumerate(rows) if not success])

    @given(st.lists(st.tuples(st.booleans(), st.binary(max_size=70)), min_size=1, max_size=6), st.data())
    def test_with_one_byte_changed_is_refused_or_differs_in_that_byte_only(
        self, rows: list[tuple[bool, bytes]], data: st.DataObject
    ) -> None:
        raw = bytearray(encode([RESULTS], [rows]))
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            found = read_words("0x" + raw.hex(), len(rows))
        except Malformed:
            return
        # It is then the very encoding of what it says.
        (said,) = decode([RESULTS], bytes(raw))
        assert bytes(raw) == encode([RESULTS], [said])
        assert found.failed == [at for at, (success, _) in enumerate(said) if not success]

    @pytest.mark.parametrize("calls", [0, 1, 3])
    def test_to_another_number_of_calls_is_refused(self, calls: int) -> None:
        with pytest.raises(Malformed):
            read_words(answer_of([(True, bytes(32)), (True, bytes(32))]), calls)

    @given(st.one_of(st.none(), st.integers(), st.text(max_size=300), st.binary(max_size=300).map(bytes.hex)))
    def test_that_is_anything_else_is_refused(self, answer: Any) -> None:
        for each in (answer, f"0x{answer}"):
            with pytest.raises(Malformed):
                read_words(each, 2)

    def test_cut_short_at_any_place_is_refused(self) -> None:
        whole = answer_of([(True, bytes(32)), (False, b"reason"), (True, b"")])
        for end in range(len(whole)):
            with pytest.raises(Malformed):
                read_words(whole[:end], 3)
        for more in ("00", "00" * 32):
            with pytest.raises(Malformed):
                read_words(whole + more, 3)

    def test_whose_list_claims_to_be_endless_is_refused(self) -> None:
        row = encode(["uint256", "uint256", "uint256"], [1, 64, 2**256 - 1])
        with pytest.raises(Malformed):
            read_words("0x" + (encode(["uint256", "uint256", "uint256"], [32, 1, 32]) + row).hex(), 1)


class TestOneWord:
    @pytest.mark.parametrize(
        "answer",
        [None, 1, "", "0x", "0x" + "0" * 63, "0x" + "0" * 65, "00" + "0" * 64, "0x1_" + "0" * 62, RpcError(3, "")],
    )
    def test_is_known_of_nothing_else(self, answer: Any) -> None:
        assert one_word(answer) is None
        assert one_word("0x" + "0" * 61 + "1Ff") == 511


@pytest.fixture(scope="class")
def chain(books: str) -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def token(chain: LocalChain) -> str:
    """Held by all HOLDERS, by words put into its storage."""
    found = chain.deploy_token()
    slot = "0x" + "00" * 32
    chain.node.batch(
        [
            ("anvil_setStorageAt", (found, mapping_key(holder, slot), f"0x{units:064x}"))
            for holder, units in UNITS.items()
        ]
    )
    chain.mine(1)
    return found


@pytest.fixture(scope="class")
def ours(chain: LocalChain) -> str:
    """The platform's own aggregator."""
    return known(chain._created(bytecode("Multicall")))


@pytest.fixture
def liar(chain: LocalChain) -> Iterator[LyingNode]:
    with LyingNode(chain.url) as found:
        yield found


@pytest.fixture
def node(liar: LyingNode) -> Iterator[Node]:
    with Node(liar.url, chain_id=CHAIN_ID) as found:
        yield found


def known(address: str) -> str:
    """Written down as the platform's own aggregator."""
    ContractAddress.objects.create(
        name=OURS, address=address, deployed_block=1, tx_hash="0x" + "11" * 32, created_at=clock.now()
    )
    return address


def now(chain: LocalChain) -> str:
    return chain.hash_at(chain.head())


def aggregates(node: LyingNode, address: str) -> int:
    return sum(method == "eth_call" and params[0]["to"] == address for method, params in node.asked)


class TestWithoutAnAggregator:
    def test_each_wallet_is_asked_for_alone(self, chain: LocalChain, token: str, liar: LyingNode, node: Node) -> None:
        assert multicall.aggregator_at(chain.node, now(chain)) is None
        assert storage.balances_at(node, token, UNITS, now(chain)) == UNITS
        assert liar.count("eth_call") == len(UNITS)

    def test_multicall3_is_asked_where_it_stands(
        self, chain: LocalChain, token: str, liar: LyingNode, node: Node
    ) -> None:
        before = now(chain)
        code = chain.node.call("eth_getCode", chain._created(bytecode("Multicall")), "latest")
        chain.node.call("anvil_setCode", MULTICALL3, code)
        chain.mine(1)
        assert multicall.aggregator_at(chain.node, now(chain)) == MULTICALL3
        assert multicall.aggregator_at(chain.node, before) is None
        assert storage.balances_at(node, token, UNITS, now(chain)) == UNITS
        assert aggregates(liar, MULTICALL3) == liar.count("eth_call") == 2
        # Ours is preferred, from the block on in which it has code.
        then, later = now(chain), known(chain._created(bytecode("Multicall")))
        assert multicall.aggregator_at(chain.node, now(chain)) == later
        assert multicall.aggregator_at(chain.node, then) == MULTICALL3


class TestWithOurAggregator:
    def test_all_wallets_are_read_as_of_the_block(self, chain: LocalChain, token: str, ours: str) -> None:
        then = now(chain)
        chain.mint(token, BOB, 5)
        assert multicall.aggregator_at(chain.node, then) == ours
        wallets = [*HOLDERS, BOB, *HOLDERS]
        assert storage.balances_at(chain.node, token, wallets, then) == UNITS | {BOB: 0}
        assert storage.balances_at(chain.node, token, wallets, now(chain)) == UNITS | {BOB: 5}

    def test_come_in_parts_and_no_more_is_asked_than_is_wanted(
        self, chain: LocalChain, token: str, ours: str, liar: LyingNode, node: Node
    ) -> None:
        many = (HOLDERS[number % len(HOLDERS)] for number in range(40 * AT_ONCE))
        parts = storage.balances_in_parts(node, token, many, now(chain))
        first = next(parts)
        assert list(first) == HOLDERS[:AT_ONCE]
        assert first == {holder: UNITS[holder] for holder in HOLDERS[:AT_ONCE]}
        parts.close()  # type: ignore[attr-defined]
        assert aggregates(liar, ours) <= 4
        assert list(many), "the rest was never looked at"

    def test_a_few_are_asked_for_without_looking_for_it(
        self, chain: LocalChain, token: str, ours: str, liar: LyingNode, node: Node
    ) -> None:
        few = dict(list(UNITS.items())[:FEW])
        assert storage.balances_at(node, token, few, now(chain)) == few
        assert liar.count("eth_getCode") == aggregates(liar, ours) == 0

    def test_no_code_no_balance(self, chain: LocalChain, ours: str) -> None:
        assert set(storage.balances_at(chain.node, hx(1234), UNITS, now(chain)).values()) == {None}

    def test_nothing_is_known_of_a_block_the_node_does_not_have(self, chain: LocalChain, token: str, ours: str) -> None:
        found = storage.balances_at(chain.node, token, HOLDERS[:300], "0x" + "11" * 32)
        assert set(found.values()) == {None}
        assert len(found) == 300

    def test_nothing_is_asked_in_a_unit_of_work(self, chain: LocalChain, token: str, ours: str) -> None:
        with unit_of_work(), pytest.raises(RuntimeError, match="unit of work"):
            storage.balances_at(chain.node, token, UNITS, now(chain))

    def test_a_call_that_fails_is_unknown_and_the_others_are_not(self, chain: LocalChain, ours: str) -> None:
        odd = chain.deploy_code(odd_code())
        found = storage.balances_at(chain.node, odd, HOLDERS[:500], now(chain))
        right = {holder: int(holder, 16) for holder in HOLDERS[:500]}
        assert found == right | {HOLDERS[7]: None, HOLDERS[9]: None}

    def test_a_call_that_uses_up_all_gas_is_unknown_and_the_others_are_not(self, chain: LocalChain, ours: str) -> None:
        burner = chain.deploy_code(odd_code().replace("60006000fd", "60006000fe"))
        found = storage.balances_at(chain.node, burner, HOLDERS[:500], now(chain))
        right = {holder: int(holder, 16) for holder in HOLDERS[:500]}
        assert found == right | {HOLDERS[7]: None, HOLDERS[9]: None}

    def test_flags_that_are_neither_are_unknown(self, chain: LocalChain, ours: str) -> None:
        read = {"node": chain.node, "wallets": HOLDERS[:200], "block_hash": now(chain)}
        for answer, flag in (("01", True), ("00", False), ("02", None)):
            says = chain.deploy_code(f"60{answer}60005260206000f3")
            read["block_hash"] = now(chain)
            assert set(storage.is_frozen_at(token=says, **read).values()) == {flag}
            assert set(storage.is_verified_at(identity_registry=says, **read).values()) == {flag}
            assert set(storage.frozen_at(token=says, **read).values()) == {int(answer)}

    def test_a_node_with_little_gas_gives_all_in_smaller_parts(self, chain: LocalChain, token: str, ours: str) -> None:
        with private_node(gas_limit=2_000_000) as url:
            poor = LocalChain(url)
            code = {each: chain.node.call("eth_getCode", each, "latest") for each in (token, ours)}
            for address, runtime in code.items():
                poor.node.call("anvil_setCode", address, runtime)
            slot = "0x" + "00" * 32
            poor.node.batch(
                [
                    ("anvil_setStorageAt", (token, mapping_key(holder, slot), f"0x{UNITS[holder]:064x}"))
                    for holder in HOLDERS[:1_000]
                ]
            )
            poor.mine(1)
            assert multicall.aggregator_at(poor.node, now(poor)) == ours
            held = {holder: UNITS[holder] for holder in HOLDERS[:1_000]}
            assert storage.balances_at(poor.node, token, held, now(poor)) == held
            poor.close()


class TestANodeThatLies:
    """What is not the shape of an answer is unknown; what has the shape is believed."""

    def told(self, chain: LocalChain, liar: LyingNode, node: Node, token: str, tell: Any) -> dict[str, int | None]:
        def bent(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            long = method == "eth_call" and len(params[0]["data"]) > 1_000
            return tell(truth["result"]) if long and "result" in truth else None

        with liar.lying(Answers(bent)):
            return storage.balances_at(node, token, UNITS, now(chain))

    @pytest.mark.parametrize(
        "tell",
        [
            lambda whole: {"result": whole[:-256]},
            lambda whole: {"result": whole + "00" * 32},
            lambda whole: {"result": whole[:2]},
            lambda whole: {"result": [whole]},
            lambda whole: {"result": whole and None},
            lambda whole: {"result": whole and answer_of([(True, bytes(32))])},
            lambda whole: {"result": whole[:-1] + "x"},
            lambda whole: {"error": {"code": -32000, "message": f"aborted before {len(whole)} digits"}},
        ],
        ids=["short", "long", "empty", "list", "null", "another count", "no hex", "an error"],
    )
    def test_about_the_shape_leaves_everything_unknown(
        self, chain: LocalChain, token: str, ours: str, liar: LyingNode, node: Node, tell: Any
    ) -> None:
        found = self.told(chain, liar, node, token, tell)
        assert set(found.values()) == {None}
        assert list(found) == HOLDERS

    def test_about_one_part_leaves_that_part_unknown(
        self, chain: LocalChain, token: str, ours: str, liar: LyingNode, node: Node
    ) -> None:
        first = len(answer_of([(True, bytes(32))] * AT_ONCE))
        found = self.told(chain, liar, node, token, lambda whole: {"result": "0x"} if len(whole) == first else None)
        assert found == dict.fromkeys(HOLDERS[:AT_ONCE]) | {holder: UNITS[holder] for holder in HOLDERS[AT_ONCE:]}

    def test_by_swapping_rows_is_believed(
        self, chain: LocalChain, token: str, ours: str, liar: LyingNode, node: Node
    ) -> None:
        """Shape tells nothing of it: only proofs of storage, or another node, do."""
        tail = 64

        def swapped(whole: str) -> dict[str, Any]:
            last, before = whole[-tail:], whole[-256 - tail : -256]
            return {"result": whole[: -256 - tail] + last + whole[-256:-tail] + before}

        found = self.told(chain, liar, node, token, swapped)
        assert found[HOLDERS[-1]] == UNITS[HOLDERS[-2]]
        assert found[HOLDERS[-2]] == UNITS[HOLDERS[-1]]

    def test_by_no_answer_at_all_concludes_nothing(
        self, chain: LocalChain, token: str, ours: str, liar: LyingNode, node: Node
    ) -> None:
        silent = Status(500, where=lambda question: question.method == "eth_call")
        with liar.lying(silent), pytest.raises(ChainUnavailable):
            storage.balances_at(node, token, UNITS, now(chain))


def odd_code() -> str:
    """Answers its argument; reverts where that is HOLDERS[7]; answers two words where it is HOLDERS[9]."""
    reverting, longer = (f"8063{int(HOLDERS[at], 16):08x}14" for at in (7, 9))
    plain, revert, two = "60005260206000f3", "5b60006000fd", "5b60005260406000f3"
    at_revert = 3 + 2 * 10 + len(plain) // 2
    at_two = at_revert + len(revert) // 2
    return f"600435{reverting}60{at_revert:02x}57{longer}60{at_two:02x}57{plain}{revert}{two}"
