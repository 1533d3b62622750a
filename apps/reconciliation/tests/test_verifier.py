"""The offline verifier: it proves what the chain stores, and refuses everything else in one sentence."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation import verifier
from apps.reconciliation.tests.proving import STRANGER, Prover, path_of, plain, prover, run_alone, text_of, tree_of
from apps.reconciliation.verifier import Refused, keccak256, root_by_path, trie_value, verify

# What a run of the file has imported.
IMPORTED = """
import runpy, sys
runpy.run_path(sys.argv[1])
print(*{name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names))
"""
UNITS = [1, 2**64, 500, 10**30, *range(7, 40)]


@pytest.fixture(scope="module")
def node() -> Iterator[Prover]:
    with prover(UNITS) as found:
        yield found


@pytest.fixture(scope="module")
def proof(node: Prover) -> dict[str, Any]:
    return node.proof(node.holders[1])


def with_byte(text: bytes, at: int, value: int) -> bytes:
    return text[:at] + bytes([value]) + text[at + 1 :]


def refusal(text: bytes, block_hash: str, key: str | None = None) -> str:
    with pytest.raises(Refused) as error:
        verify(text, block_hash, key)
    return str(error.value)


class TestAProof:
    def test_of_every_holder_leads_from_the_block_hash_to_the_balance(self, node: Prover) -> None:
        for holder, units in zip(node.holders, UNITS, strict=True):
            found = verify(text_of(node.proof(holder)), node.block_hash)
            assert (found.holder, found.units, found.booked) == (holder, units, units)

    def test_of_whoever_holds_nothing_shows_that_nothing_is_stored(self, node: Prover) -> None:
        answer, block = node.answer(STRANGER), node.block
        state_root, number = verifier.state_root_of(
            bytes.fromhex(node.proof(node.holders[0])["header"][2:]), _raw(block["hash"])
        )
        assert (state_root.hex(), number) == (block["stateRoot"][2:], int(block["number"], 16))
        root = verifier.storage_root_of(state_root, _raw(node.token), [_raw(each) for each in answer["accountProof"]])
        nodes = [_raw(each) for each in answer["storageProof"][0]["proof"]]
        assert verifier.balance_of(root, bytes(32), _raw(STRANGER), nodes) == 0

    @pytest.mark.parametrize(
        "seeds", [range(1), pytest.param(range(1, 12), marks=pytest.mark.soak)], ids=["once", "often"]
    )
    def test_with_any_byte_changed_is_refused(self, node: Prover, seeds: range) -> None:
        text = text_of(node.proof(node.holders[1]))
        for seed in seeds:
            pick = random.Random(seed)
            for at, byte in enumerate(text):
                refusal(
                    with_byte(text, at, pick.choice([value for value in range(256) if value != byte])), node.block_hash
                )

    def test_cut_off_or_with_more_behind_it_is_refused(self, node: Prover) -> None:
        text = text_of(node.proof(node.holders[1]))
        for changed in (
            b"",
            text[:-1],
            text + b"\n",
            text[:40],
            b"\xef\xbb\xbf" + text,
            plain(node.proof(node.holders[1])),
        ):
            refusal(changed, node.block_hash)

    def test_of_another_block_is_refused(self, node: Prover) -> None:
        text = text_of(node.proof(node.holders[1]))
        assert "another block" in refusal(text, "0x" + "ab" * 32)
        assert "lower-case" in refusal(text, node.block_hash[:-1])

    def test_signed_with_another_key_than_the_one_named_is_refused(self, node: Prover) -> None:
        text = text_of(node.proof(node.holders[1]))
        named = node.proof(node.holders[1])["signature"]["key"]
        assert verify(text, node.block_hash, named).units == 2**64
        assert "another key" in refusal(text, node.block_hash, "ab" * 32)


class TestALiarWithTheKey:
    """Whoever signs statements can say anything: the chain contradicts."""

    def test_cannot_give_another_balance(self, node: Prover) -> None:
        proof = node.proof(node.holders[2])
        proof["position"] |= {"units": "501"}
        assert "balance" in refusal(text_of(proof), node.block_hash)

    def test_cannot_give_one_holders_balance_to_another(self, node: Prover) -> None:
        proof = node.proof(node.holders[2])
        proof["position"] |= {"holder": node.holders[3]}
        refusal(text_of(proof), node.block_hash)

    def test_cannot_give_a_state_root_of_his_own(self, node: Prover) -> None:
        proof = node.proof(node.holders[2], state_root="0x" + "11" * 32)
        assert "state root" in refusal(text_of(node.signed_anew(proof)), node.block_hash)

    def test_cannot_speak_of_another_token(self, node: Prover) -> None:
        proof = node.proof(node.holders[2], token=node.holders[0])
        refusal(text_of(node.signed_anew(proof)), node.block_hash)

    def test_cannot_take_another_mapping_for_the_balances(self, node: Prover) -> None:
        proof = node.proof(node.holders[2])
        proof["statement"] |= {"balances_slot": f"0x{1:064x}"}
        refusal(text_of(node.signed_anew(proof)), node.block_hash)

    def test_cannot_leave_a_position_out_of_the_tree(self, node: Prover) -> None:
        leaves = node.leaves()
        proof = node.proof(node.holders[2], positions_root=tree_of(leaves[:2] + leaves[3:]).hex())
        assert "tree of positions" in refusal(text_of(node.signed_anew(proof)), node.block_hash)


class TestMalformedInput:
    @given(st.binary(max_size=200))
    def test_of_any_bytes_ends_in_one_error(self, text: bytes) -> None:
        with pytest.raises(Refused):
            verify(text, "0x" + "00" * 32)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
        st.sampled_from(["account", "format", "header", "path", "position", "signature", "statement", "storage"]),
    )
    def test_of_any_value_in_any_part_ends_in_one_error(
        self, node: Prover, proof: dict[str, Any], value: Any, part: str
    ) -> None:
        with pytest.raises(Refused):
            verify(text_of(proof | {part: value}), node.block_hash)

    @pytest.mark.parametrize("text", [b"[" * 100_000, b"1" * 5_000 + b"\n", b'{"format":NaN}\n', b"\xff\n", b"null\n"])
    def test_that_parsers_stumble_over_ends_in_one_error(self, text: bytes) -> None:
        refusal(text, "0x" + "00" * 32)

    @given(st.lists(st.binary(max_size=80), max_size=5))
    def test_of_any_nodes_ends_in_one_error_or_nothing(self, nodes: list[bytes]) -> None:
        root = keccak256(nodes[0]) if nodes else bytes(32)
        with pytest.raises(Refused):
            trie_value(root, b"key", nodes)


class TestTheTreeOfPositions:
    @given(st.integers(1, 70), st.data())
    def test_leads_from_every_leaf_to_its_root(self, size: int, data: st.DataObject) -> None:
        leaves = [number.to_bytes(32, "big") for number in range(size)]
        index = data.draw(st.integers(0, size - 1))
        path = path_of(leaves, index)
        assert root_by_path(leaves[index], index, size, path) == tree_of(leaves)
        with pytest.raises(Refused, match="path is too"):
            root_by_path(leaves[index], index, size, [*path, bytes(32)])
        if path:
            with pytest.raises(Refused, match="path is too"):
                root_by_path(leaves[index], index, size, path[:-1])


class TestTheCommand:
    def test_says_what_is_proven_and_by_what(self, node: Prover, tmp_path: Path) -> None:
        done = run_alone(tmp_path, text_of(node.proof(node.holders[2])), "--block-hash", node.block_hash)
        assert (done.returncode, done.stderr) == (0, "")
        first, second, third, fourth = done.stdout.splitlines()
        assert first == f"PROVEN: {node.holders[2]} holds 0.000500 of DE000AUR0RA7"
        assert node.block_hash in second
        assert node.token in third
        assert "name yours with --key" in fourth

    def test_says_in_a_line_why_nothing_is(self, node: Prover, tmp_path: Path) -> None:
        done = run_alone(tmp_path, b"{}\n", "--block-hash", node.block_hash)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == f"REFUSED: the proof is not of the format {verifier.FORMAT}\n"

    def test_needs_a_block_hash_from_elsewhere(self, tmp_path: Path) -> None:
        assert run_alone(tmp_path, b"{}\n").returncode == 2

    def test_imports_nothing_but_the_standard_library_and_pycryptodome(self) -> None:
        done = subprocess.run(
            [sys.executable, "-I", "-c", IMPORTED, verifier.__file__],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        # pycryptodome itself uses cffi, with its parser, where that is installed.
        assert {name for name in done.stdout.split() if name[0] != "_"} <= {"Crypto", "cffi", "pycparser"}


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
