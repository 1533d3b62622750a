"""Refusals in words, whatever a contract writes."""

from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.chain.codec.error_table import ERRORS
from apps.chain.errors import RpcError
from apps.chain.reverts import CUSTOM, LONGEST, Refusal, decode_revert, of_rpc_error
from apps.chain.tests.declarations import BUILT, FACTS, OPENZEPPELIN, abi_entries, type_of, values_of

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
        assert decode_revert(data) == Refusal("WrongAmountReceived", f"token={TOKEN}, expected=9, received=8")

    def test_of_a_tokens_own_refusal_within_ours(self) -> None:
        inner = error("Error(string)", ["string"], "Transfer not possible")
        data = error("TransferFailed(address,bytes)", ["address", "bytes"], TOKEN, inner)
        assert decode_revert(data) == Refusal("TransferFailed", f"{TOKEN}: REVERTED Transfer not possible")

    def test_of_a_tokens_refusal_end_at_the_first(self) -> None:
        """Else a hostile token would choose how deep we read."""
        data = b""
        for _ in range(2_000):
            data = error("TransferFailed(address,bytes)", ["address", "bytes"], TOKEN, data)
        refusal = decode_revert(data)
        selector = keccak(text="TransferFailed(address,bytes)")[:4].hex()
        assert (refusal.code, refusal.detail[:63]) == ("TransferFailed", f"{TOKEN}: REVERTED 0x{selector}")

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


class TestKnownErrors:
    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_are_told_by_name_and_fields(self, data: st.DataObject) -> None:
        for signature in CUSTOM.values():
            types = [each.type for each in signature.parameters]
            body = encode(types, [data.draw(values_of(type_)) for type_ in types])
            refusal = decode_revert(signature.hash[:4] + body)
            assert refusal.code == signature.name
            assert len(refusal.detail) <= LONGEST
            if len(refusal.detail) < LONGEST and signature.name != "TransferFailed":
                assert all(f"{each.name}=" in refusal.detail for each in signature.parameters)

    def test_are_each_known_once(self) -> None:
        assert len(CUSTOM) == len(ERRORS)

    def test_are_those_of_the_standards(self) -> None:
        facts = {tuple(line.split(" ")[1:]) for line in FACTS if line.startswith("error ")}
        assert len(facts) == 40
        assert facts <= {(signature.canonical, f"0x{selector.hex()}") for selector, signature in CUSTOM.items()}

    @pytest.mark.parametrize("folder", [*BUILT, OPENZEPPELIN], ids=lambda folder: folder.parent.name)
    def test_are_those_of_every_contract(self, folder: Path) -> None:
        found = {
            f"{entry['name']}({','.join(map(type_of, entry['inputs']))})"
            for entry in abi_entries(folder)
            if entry["type"] == "error"
        }
        assert found
        assert found <= {signature.canonical for signature in CUSTOM.values()}

    def test_show_lists(self) -> None:
        signature = "InvalidPresetValues(address,address[],uint256[])"
        data = error(signature, ["address", "address[]", "uint256[]"], TOKEN, [TOKEN], [1, 2])
        expected = f"compliance={TOKEN}, id=[{TOKEN}], balance=[1, 2]"
        assert decode_revert(data) == Refusal("InvalidPresetValues", expected)


class TestNodesAnswer:
    def test_holds_the_contracts_data(self) -> None:
        data = "0x" + error("Error(string)", ["string"], "no").hex()
        assert of_rpc_error(RpcError(3, "execution reverted: no", data)) == Refusal("REVERTED", "no")

    @pytest.mark.parametrize("data", ["0x0", "0xzz", "reverted", {"data": 7}, ["0x"], None])
    def test_with_data_that_is_none_is_the_nodes_words(self, data: object) -> None:
        assert of_rpc_error(RpcError(3, "execution reverted: no", data)) == Refusal("REVERTED", "no")

    def test_without_data_is_the_nodes_words(self) -> None:
        assert of_rpc_error(RpcError(-32000, "execution reverted")) == Refusal("REVERTED", "")
