"""Why a contract refused, in words: Error(string), Panic(uint256), and the custom errors we know."""

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from apps.chain.calls import argument_types
from apps.chain.errors import RpcError

ERROR, PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")

_KNOWN = (
    # DeliveryVersusPayment
    "AlreadySettled()",
    "Expired()",
    "BadTrade()",
    "TokenNotAllowed(address)",
    "TransferFailed(address,bytes)",
    "ReturnedFalse(address)",
    "BalanceUnreadable(address)",
    "WrongAmountReceived(address,uint256,uint256)",
    "InsufficientGas(uint256)",
    "OnlySelf()",
    "NotAContract(address)",
    "BadTradeGasLimit(uint256)",
    # OpenZeppelin
    "AccessControlUnauthorizedAccount(address,bytes32)",
    "OwnableUnauthorizedAccount(address)",
    "EnforcedPause()",
    "ExpectedPause()",
    "ReentrancyGuardReentrantCall()",
    "ERC20InsufficientBalance(address,uint256,uint256)",
    "ERC20InsufficientAllowance(address,uint256,uint256)",
    "ERC20InvalidReceiver(address)",
    "ERC20InvalidSender(address)",
)
CUSTOM = {keccak(text=signature)[:4]: signature for signature in _KNOWN}
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is stable (REVERTED, PANIC, OUT_OF_GAS, or the error's name); `detail` is the contract's own words."""

    code: str
    detail: str = ""


OUT_OF_GAS = Refusal("OUT_OF_GAS")
UNEXPLAINED = Refusal("REVERTED")


def decode_revert(data: bytes) -> Refusal:
    """Revert data in words. A token may write anything there: show it, never decide by it."""
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
    return Refusal("REVERTED", f"0x{data[:68].hex()}") if data else UNEXPLAINED


def _custom(signature: str, body: bytes) -> Refusal:
    name = signature.split("(", 1)[0]
    values = decode(argument_types(signature), body)
    if name == "TransferFailed":
        inner = decode_revert(values[1])
        return Refusal(name, _clean(f"{values[0]}: {inner.code} {inner.detail}".rstrip()))
    return Refusal(name, _clean(", ".join(_shown(value) for value in values)))


def of_rpc_error(error: RpcError) -> Refusal:
    """The refusal in a node's answer to a simulation."""
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    if isinstance(data, str) and data.startswith("0x") and len(data) > 2:
        return decode_revert(bytes.fromhex(data[2:]))
    return Refusal("REVERTED", _clean(error.message.removeprefix("execution reverted").strip(": ")))


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _clean(text: str) -> str:
    """A contract's words, made safe to store and show: printable, and not long."""
    return "".join(c if c.isprintable() else "?" for c in text)[:LONGEST]
