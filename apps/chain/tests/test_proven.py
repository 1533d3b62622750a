"""Balances proven against a block's stored state root, from nodes that may say anything."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, LayoutUnverified, NotCovered
from apps.chain.gateway import Node
from apps.chain.models import Block, StorageLayout, TokenBinding
from apps.chain.selectors.layouts import mapping_key
from apps.chain.selectors.proven import FEWEST, KEYS_AT_ONCE, ProvenPositions, balance_proof, prove_positions
from apps.chain.selectors.slots import slot
from apps.chain.testing.lies import Altered, Answers, Status, Without
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.testing.lying_node import LyingNode
from apps.chain.types import BindingState, Finality, LayoutState, TokenStandard
from apps.chain.wire import read_header
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID
from apps.reconciliation import verifier

ISIN = "US0378331005"
UNITS = {hx(0xA0000 + number): number**9 for number in range(2 * KEYS_AT_ONCE + 300)}  # the first has nothing
NOBODY = hx(0xDEAD)


@pytest.fixture(scope="class")
def chain(books: str) -> Iterator[LocalChain]:
    with private_node(large_requests=True) as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def block_hash(chain: LocalChain) -> str:
    """Of a final block in which the token's layout is verified."""
    token = chain.deploy_token()
    words = {mapping_key(wallet, slot(0)): units for wallet, units in UNITS.items() if units}
    chain.node.batch(
        [("anvil_setStorageAt", (token, key, f"0x{units:064x}")) for key, units in words.items()]
        + [("anvil_setStorageAt", (token, slot(2), f"0x{sum(UNITS.values()):064x}"))]
    )
    chain.mine(1)
    header = read_header(chain.header(chain.head()))
    now = clock.now()
    Block.objects.create(
        number=header.number, hash=header.hash, parent_hash=header.parent_hash, timestamp=now,
        state_root=header.state_root, receipts_root=header.receipts_root, logs_bloom=b"",
        finality=Finality.FINAL, final_by="INSTANT",
    )  # fmt: skip
    binding = TokenBinding.objects.create(
        isin=ISIN, name="Example", symbol="EXM", decimals=0, standard=TokenStandard.ERC20, state=BindingState.LIVE,
        address=token.lower(), deploy_block=1, created_at=now, live_at=now,
    )  # fmt: skip
    StorageLayout.objects.create(
        binding=binding, from_block=header.number - 1, state=LayoutState.VERIFIED, balances_slot=slot(0),
        supply_slot=slot(2), block_hash=header.hash, holders=1, verified_at=now,
    )  # fmt: skip
    return header.hash


@pytest.fixture
def liar(chain: LocalChain) -> Iterator[LyingNode]:
    with LyingNode(chain.url) as found:
        yield found


@pytest.fixture
def node(liar: LyingNode) -> Iterator[Node]:
    with Node(liar.url, chain_id=CHAIN_ID) as found:
        yield found


def prove(node: Node, block_hash: str, wallets: Any = UNITS) -> ProvenPositions:
    return prove_positions(node=node, isin=ISIN, block_hash=block_hash, wallets=wallets)


class TestProvenPositions:
    def test_are_what_the_storage_holds(self, block_hash: str, liar: LyingNode, node: Node) -> None:
        found = prove(node, block_hash, [*UNITS, NOBODY])
        assert found.units == UNITS | {NOBODY: 0}
        assert found.supply == sum(UNITS.values())
        assert found.block.hash == block_hash
        assert liar.count("eth_getProof") == 4
        assert max(len(params[1]) for method, params in liar.asked if method == "eth_getProof") == KEYS_AT_ONCE

    def test_can_be_shown_again_from_what_is_kept(self, block_hash: str, node: Node) -> None:
        found = prove(node, block_hash)
        for wallet, units in list(UNITS.items())[:5]:
            nodes = balance_proof(
                storage_root=found.storage_root,
                balances_slot=found.layout.balances_slot,
                wallet=wallet,
                fetch=found.storage.__getitem__,
            )
            account = verifier.storage_root_of(
                bytes.fromhex(found.block.state_root[2:]), bytes.fromhex(found.layout.token[2:]), found.account
            )
            holder = bytes.fromhex(wallet[2:])
            assert verifier.balance_of(account, bytes(32), holder, nodes) == units

    def test_are_given_in_smaller_parts_to_a_node_that_refuses_many(
        self, block_hash: str, liar: LyingNode, node: Node
    ) -> None:
        def few(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            if method != "eth_getProof" or len(params[1]) <= 300:
                return None
            return {"error": {"code": -32602, "message": "too many keys"}}

        with liar.lying(Answers(few)):
            assert prove(node, block_hash).units == UNITS

    def test_are_refused_at_a_block_that_is_not_final_here(self, block_hash: str, node: Node) -> None:
        with pytest.raises(NotCovered):
            prove(node, "0x" + "11" * 32)
        Block.objects.filter(hash=block_hash).update(finality=Finality.OBSERVED, final_by="")
        try:
            with pytest.raises(NotCovered):
                prove(node, block_hash)
        finally:
            Block.objects.filter(hash=block_hash).update(finality=Finality.FINAL, final_by="INSTANT")

    def test_are_refused_where_the_layout_is_not_verified(self, block_hash: str, node: Node) -> None:
        number = Block.objects.get(hash=block_hash).number
        StorageLayout.objects.update(state=LayoutState.WITHDRAWN, withdrawn_block=number, reason="Upgraded")
        try:
            with pytest.raises(LayoutUnverified):
                prove(node, block_hash)
        finally:
            StorageLayout.objects.update(state=LayoutState.VERIFIED, withdrawn_block=None, reason="")

    def test_are_not_asked_for_in_a_unit_of_work(self, block_hash: str, node: Node) -> None:
        with unit_of_work(), pytest.raises(RuntimeError, match="unit of work"):
            prove(node, block_hash)


def swapped(answer: dict[str, Any]) -> dict[str, Any]:
    first, second, *rest = answer["storageProof"]
    return answer | {"storageProof": [second, first, *rest]}


def without_last_node(answer: dict[str, Any]) -> dict[str, Any]:
    first, *rest = answer["storageProof"]
    return answer | {"storageProof": [first | {"proof": first["proof"][:-1]}, *rest]}


def of_another(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"accountProof": answer["accountProof"][::-1] * 2}


class TestANodeThatLies:
    @pytest.mark.parametrize(
        "bend",
        [
            swapped,
            without_last_node,
            lambda answer: answer | {"storageProof": answer["storageProof"][:-1]},
            lambda answer: answer | {"storageProof": [*answer["storageProof"], answer["storageProof"][0]]},
            lambda answer: answer | {"storageProof": answer["storageProof"] and None},
            lambda answer: answer and None,
        ],
        ids=["swapped", "short proof", "one too few", "one too many", "null", "nothing"],
    )
    def test_about_storage_is_found_out(self, block_hash: str, liar: LyingNode, node: Node, bend: Any) -> None:
        def tell(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            return {"result": bend(truth["result"])} if method == "eth_getProof" and len(params[1]) > 1 else None

        with liar.lying(Answers(tell)), pytest.raises(IncompleteAnswer):
            prove(node, block_hash)

    def test_about_the_account_is_found_out(self, block_hash: str, liar: LyingNode, node: Node) -> None:
        def tell(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            return {"result": of_another(truth["result"])} if method == "eth_getProof" else None

        with liar.lying(Answers(tell)), pytest.raises(IncompleteAnswer):
            prove(node, block_hash)

    def test_about_the_value_beside_its_proof_is_not_heard(self, block_hash: str, liar: LyingNode, node: Node) -> None:
        def tell(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            if method != "eth_getProof":
                return None
            proofs = [each | {"value": "0x1", "key": "0x2"} for each in truth["result"]["storageProof"]]
            return {"result": truth["result"] | {"storageProof": proofs, "storageHash": "0x" + "00" * 32}}

        with liar.lying(Answers(tell)):
            assert prove(node, block_hash).units == UNITS

    def test_with_the_state_of_another_block_is_found_out(
        self, chain: LocalChain, block_hash: str, liar: LyingNode, node: Node
    ) -> None:
        wallet = list(UNITS)[5]
        binding = TokenBinding.objects.get()
        chain.mint(str(binding.address), wallet, 1)
        later = hex(chain.head())

        def tell(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            return {"result": liar.ask(method, params[0], params[1], later)} if method == "eth_getProof" else None

        with liar.lying(Answers(tell)), pytest.raises(IncompleteAnswer):
            prove(node, block_hash)

    @pytest.mark.parametrize("field", ["stateRoot", "miner", "gasUsed"])
    def test_about_the_header_is_found_out(self, block_hash: str, liar: LyingNode, node: Node, field: str) -> None:
        other = {"stateRoot": "0x" + "11" * 32, "miner": hx(9), "gasUsed": "0x9"}[field]
        with liar.lying(Altered("eth_getBlockByHash", {field: other})), pytest.raises(IncompleteAnswer):
            prove(node, block_hash)

    def test_or_gives_no_proofs_proves_nothing(self, block_hash: str, liar: LyingNode, node: Node) -> None:
        for lie in (Without("eth_getProof"), Status(500)):
            with liar.lying(lie), pytest.raises(ChainUnavailable):
                prove(node, block_hash, list(UNITS)[:FEWEST])
