"""Refusals in words, whatever a contract writes."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from apps.chain.errors import RpcError
from apps.chain.reverts import CUSTOM, LONGEST, Refusal, decode_revert, of_rpc_error

TOKEN = "0x" + "ab" * 20


def error(signature: str, types: list[str], *values: object) -> bytes:
    return keccak(text=signature)[:4] + encode(types, values)


class TestWords:
    def test_of_an_error_string(self) -> None:
        data = error("Error(string)", ["string"], "wallet is frozen")
        assert decode_revert(data) == Refusal("REVERTED", "wallet is frozen")

    def test_of_a_panic(self) -> None:
        assert decode_revert(error("Panic(uint256)", ["uint256"], 17)) == Refusal("PANIC", "0x11")

    def test_of_a_known_error(self) -> None:
        data = error("WrongAmountReceived(address,uint256,uint256)", ["address", "uint256", "uint256"], TOKEN, 9, 8)
        assert decode_revert(data) == Refusal("WrongAmountReceived", f"{TOKEN}, 9, 8")

    def test_of_a_tokens_own_refusal_within_ours(self) -> None:
        inner = error("Error(string)", ["string"], "Transfer not possible")
        data = error("TransferFailed(address,bytes)", ["address", "bytes"], TOKEN, inner)
        assert decode_revert(data) == Refusal("TransferFailed", f"{TOKEN}: REVERTED Transfer not possible")

    def test_of_an_unknown_error_are_its_bytes(self) -> None:
        assert decode_revert(bytes.fromhex("deadbeef")) == Refusal("REVERTED", "0xdeadbeef")

    def test_of_nothing(self) -> None:
        assert decode_revert(b"") == Refusal("REVERTED", "")

    def test_are_printable(self) -> None:
        data = error("Error(string)", ["string"], "\x1b[2Jgone\nline")
        assert decode_revert(data).detail == "?[2Jgone?line"

    @given(st.binary(max_size=400), st.sampled_from([b"", bytes.fromhex("08c379a0"), *CUSTOM]))
    def test_of_anything_are_short_and_printable(self, body: bytes, selector: bytes) -> None:
        refusal = decode_revert(selector + body)
        assert len(refusal.detail) <= LONGEST
        assert refusal.detail.isprintable()
        assert 0 < len(refusal.code) <= 64


class TestNodesAnswer:
    def test_holds_the_contracts_data(self) -> None:
        data = "0x" + error("Error(string)", ["string"], "no").hex()
        assert of_rpc_error(RpcError(3, "execution reverted: no", data)) == Refusal("REVERTED", "no")

    def test_without_data_is_the_nodes_words(self) -> None:
        assert of_rpc_error(RpcError(-32000, "execution reverted")) == Refusal("REVERTED", "")
