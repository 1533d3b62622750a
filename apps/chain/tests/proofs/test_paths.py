"""Proofs of the state's tries, as our own node serves them, against the offline verifier's own reading of them."""

from dataclasses import dataclass
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from apps.chain.proofs.errors import Unverifiable
from apps.chain.proofs.paths import EMPTY_ROOT, Trie, path_to, storage_root, stored_number
from apps.chain.rlp import decode_list, decode_string
from apps.chain.testing.local_chain import LocalChain
from apps.core.devstack.anvil import private_node
from apps.reconciliation import verifier

WORDS = {number: 1 << number % 256 for number in range(1, 400)}  # most of them in one byte or two
KEYS = [number.to_bytes(32, "big") for number in [*WORDS, 5_000, 5_001]]


@dataclass
class Served:
    """A contract's storage, and what a node proves of it."""

    state_root: bytes
    address: bytes
    account: list[str]
    storage: list[list[str]]

    @property
    def root(self) -> bytes:
        return storage_root(Trie(self.state_root).value(self.address, self.account))


@pytest.fixture(scope="module")
def served() -> Served:
    with private_node() as url:
        chain = LocalChain(url)
        address = chain.deploy_code("00")
        chain.node.batch(
            [("anvil_setStorageAt", (address, f"0x{key:064x}", f"0x{value:064x}")) for key, value in WORDS.items()]
        )
        chain.mine(1)
        answer: dict[str, Any] = chain.node.call("eth_getProof", address, ["0x" + key.hex() for key in KEYS], "latest")
        state_root = bytes.fromhex(chain.header(chain.head())["stateRoot"][2:])
        proofs = [each["proof"] for each in answer["storageProof"]]
        chain.close()
    return Served(state_root, bytes.fromhex(address[2:]), answer["accountProof"], proofs)


def raw(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(node[2:]) for node in proof]


class TestAProof:
    def test_leads_to_the_word_or_to_nothing(self, served: Served) -> None:
        trie = Trie(served.root)
        found = [stored_number(trie.value(key, proof)) for key, proof in zip(KEYS, served.storage, strict=True)]
        assert found == [*WORDS.values(), 0, 0]

    def test_of_an_account_that_is_not_there_is_refused(self, served: Served) -> None:
        with pytest.raises(Unverifiable):
            storage_root(None)
        with pytest.raises(Unverifiable):
            Trie(served.state_root).value(bytes(20), served.account)

    def test_shares_its_nodes_with_the_others_and_can_be_made_of_them(self, served: Served) -> None:
        trie = Trie(served.root)
        for key, proof in zip(KEYS, served.storage, strict=True):
            trie.value(key, proof)
        assert set(trie.nodes.values()) == {node for proof in served.storage for node in raw(proof)}
        for key, proof in zip(KEYS, served.storage, strict=True):
            assert path_to(served.root, key, trie.nodes.__getitem__) == raw(proof)

    def test_made_of_other_nodes_is_refused(self, served: Served) -> None:
        with pytest.raises(Unverifiable, match="parent"):
            path_to(served.root, KEYS[0], lambda _: raw(served.storage[0])[-1])

    def test_of_an_empty_trie_has_no_nodes(self) -> None:
        assert Trie(EMPTY_ROOT).value(b"key", []) is None
        with pytest.raises(Unverifiable, match="more nodes"):
            Trie(EMPTY_ROOT).value(b"key", ["0x80"])

    def test_of_another_key_root_or_order_is_refused(self, served: Served) -> None:
        first, second = served.storage[0], served.storage[1]
        for key, proof in (
            (KEYS[1], first),
            (KEYS[0], first[:-1]),
            (KEYS[0], [*first, first[-1]]),
            (KEYS[0], first[::-1]),
            (KEYS[0], [*first[:-1], second[-1]]),
        ):
            with pytest.raises(Unverifiable):
                Trie(served.root).value(key, proof)

    @given(st.data())
    def test_with_a_digit_changed_is_refused_also_once_the_true_one_is_known(
        self, served: Served, data: st.DataObject
    ) -> None:
        which = data.draw(st.integers(0, len(KEYS) - 1))
        proof = list(served.storage[which])
        trie = Trie(served.root)
        trie.value(KEYS[which], proof)
        place = data.draw(st.integers(0, len(proof) - 1))
        at = data.draw(st.integers(0, len(proof[place]) - 1))
        digit = data.draw(st.sampled_from("0123456789abcdef x").filter(lambda each: each != proof[place][at]))
        proof[place] = proof[place][:at] + digit + proof[place][at + 1 :]
        with pytest.raises(Unverifiable):
            trie.value(KEYS[which], proof)


class TestMadeUpTries:
    """Whatever hashes are right, what stands in the nodes is read as the offline verifier reads it."""

    @given(
        st.lists(
            st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=3), max_leaves=4), max_size=17
        )
    )
    def test_are_read_alike(self, items: list[Any]) -> None:
        node = rlp.encode(items)
        assert read(lambda: Trie(keccak(node)).value(b"key", ["0x" + node.hex()])) == read(
            lambda: verifier.trie_value(keccak(node), b"key", [node])
        )

    @given(
        st.binary(max_size=60)
        | st.binary(max_size=40).map(rlp.encode)
        | st.lists(st.binary(max_size=40)).map(rlp.encode)
    )
    def test_are_of_canonical_rlp(self, encoded: bytes) -> None:
        for ours, library in ((decode_string, bytes), (decode_list, list)):
            try:
                right = rlp.decode(encoded)
            except rlp.exceptions.DecodingError:
                right = None
            if not isinstance(right, library):
                with pytest.raises(Unverifiable):
                    ours(encoded)
            else:
                assert ours(encoded) == right

    def test_hold_no_node_of_a_hash_s_length_within_another(self) -> None:
        with pytest.raises(Unverifiable, match="stands in its parent"):
            decode_list(rlp.encode([[b"x" * 31]]))


def read(ask: Any) -> object:
    try:
        return ask()
    except (Unverifiable, verifier.Refused):
        return "refused"
