"""Why a contract refused, in words: Error(string), Panic(uint256), and the custom errors we know."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from apps.chain.codec.error_table import ERRORS
from apps.chain.codec.signatures import Signature, parse
from apps.chain.errors import RpcError

ERROR, PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")
CUSTOM: dict[bytes, Signature] = {signature.hash[:4]: signature for signature in map(parse, ERRORS)}
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is stable (REVERTED, PANIC, OUT_OF_GAS, or the error's name); `detail` is the contract's own words."""

    code: str
    detail: str = ""


OUT_OF_GAS = Refusal("OUT_OF_GAS")
UNEXPLAINED = Refusal("REVERTED")


def decode_revert(data: bytes) -> Refusal:
    """Revert data in words, a known error's fields by their names; the data in hex where we do not know it.

    A token may write anything there: show it, never decide by it.
    """
    return _decode(data) or _raw(data)


def _decode(data: bytes) -> Refusal | None:
    selector, body = data[:4], data[4:]
    try:
        if selector == ERROR:
            return Refusal("REVERTED", _clean(decode(["string"], body)[0]))
        if selector == PANIC:
            return Refusal("PANIC", f"0x{decode(['uint256'], body)[0]:02x}")
        if signature := CUSTOM.get(selector):
            return _custom(signature, body)
    except (DecodingError, UnicodeDecodeError, OverflowError):
        pass
    return None


def _raw(data: bytes) -> Refusal:
    return Refusal("REVERTED", f"0x{data[:68].hex()}") if data else UNEXPLAINED


def _custom(signature: Signature, body: bytes) -> Refusal:
    values = decode([each.type for each in signature.parameters], body)
    if signature.name == "TransferFailed":
        return Refusal(signature.name, _clean(_within(*values)))
    fields = zip((each.name for each in signature.parameters), map(_shown, values), strict=True)
    return Refusal(signature.name, _clean(", ".join(f"{name}={value}" for name, value in fields)))


def _within(token: str, reason: bytes) -> str:
    """A token's own refusal. One TransferFailed within another is not opened: the depth would be the token's choice."""
    nested = CUSTOM.get(reason[:4])
    inner = _raw(reason) if nested and nested.name == "TransferFailed" else decode_revert(reason)
    return f"{token}: {inner.code} {inner.detail}".rstrip()


def of_rpc_error(error: RpcError) -> Refusal:
    """The refusal in a node's answer to a simulation."""
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    if isinstance(data, str) and data.startswith("0x") and len(data) > 2:
        with suppress(ValueError):  # a node may write anything there, too
            return decode_revert(bytes.fromhex(data[2:]))
    return Refusal("REVERTED", _clean(error.message.removeprefix("execution reverted").strip(": ")))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _clean(text: str) -> str:
    """A contract's words, made safe to store and show: printable, and not long."""
    return "".join(c if c.isprintable() else "?" for c in text)[:LONGEST]
