"""Why a trade did not settle: revert data of our DvP contract as an ISO 20022 reason and a detail. Pure.

For people and reports only: a token may write anything into its revert data, so nothing is decided by it.
"""

from dataclasses import dataclass

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from apps.chain.services.calldata import decode_revert
from apps.settlement.types import Reason

LONGEST = 200
TRANSFER_FAILED = "TransferFailed"
ALLOWANCE, BALANCE, FROZEN = "ALLOWANCE_TOO_LOW", "BALANCE_TOO_LOW", "WALLET_FROZEN"
PAUSED, INELIGIBLE = "TOKEN_PAUSED", "RECEIVER_NOT_ELIGIBLE"

# Errors of our own contract.
OWN: dict[str, tuple[Reason, str]] = {
    "Expired": (Reason.LATE, "DEADLINE_PASSED"),
    "AlreadySettled": (Reason.OTHR, "ALREADY_SETTLED"),
    "BadTrade": (Reason.OTHR, "BAD_TRADE"),
    "TokenNotAllowed": (Reason.OTHR, "TOKEN_NOT_ALLOWED"),
    "ReturnedFalse": (Reason.OTHR, "TOKEN_RETURNED_FALSE"),
    "BalanceUnreadable": (Reason.OTHR, "TOKEN_BALANCE_UNREADABLE"),
    "WrongAmountReceived": (Reason.OTHR, "WRONG_AMOUNT_RECEIVED"),
}
# Refusals of tokens: OpenZeppelin 5 by name, ERC-3643 (T-REX 4.1.6) by its words. The latter subtracts from the
# allowance without a check of its own, so one that is too small shows as an overflow.
TOKEN: dict[tuple[str, str], str] = {
    ("EnforcedPause", ""): PAUSED,
    ("PANIC", "0x11"): ALLOWANCE,
    ("REVERTED", "Insufficient Balance"): BALANCE,
    ("REVERTED", "wallet is frozen"): FROZEN,
    ("REVERTED", "Pausable: paused"): PAUSED,
    ("REVERTED", "Transfer not possible"): INELIGIBLE,
}
NAMED = {"ERC20InsufficientBalance": BALANCE, "ERC20InsufficientAllowance": ALLOWANCE}
BLOCKED: dict[str, Reason] = {FROZEN: Reason.BLOC, PAUSED: Reason.SBLO, INELIGIBLE: Reason.BLOC}


@dataclass(frozen=True, slots=True)
class Failure:
    """An ISO 20022 reason code and what exactly happened, in our own stable words where we know them."""

    code: Reason
    detail: str


def read_reason(revert_data: str, *, cash_tokens: frozenset[str]) -> Failure:
    """The reason in a TradeFailed event (0x hex); LACK or MONY by which leg's payer had too little."""
    data = bytes.fromhex(revert_data.removeprefix("0x"))
    if not data:
        return Failure(Reason.OTHR, "OUT_OF_GAS")
    refusal = decode_revert(data)
    if refusal.code in OWN:
        return Failure(*OWN[refusal.code])
    if refusal.code != TRANSFER_FAILED:
        return Failure(Reason.OTHR, f"{refusal.code} {refusal.detail}".strip()[:LONGEST])
    try:
        token, inner = decode(["address", "bytes"], data[4:])
    except DecodingError:
        return Failure(Reason.OTHR, "UNREADABLE")
    return _leg_failure(inner, Reason.MONY if str(token).lower() in cash_tokens else Reason.LACK)


def _leg_failure(inner: bytes, lacking: Reason) -> Failure:
    refusal = decode_revert(inner)
    detail = NAMED.get(refusal.code) or TOKEN.get((refusal.code, refusal.detail))
    if detail in {BALANCE, ALLOWANCE}:
        return Failure(lacking, detail)
    if detail in BLOCKED:
        return Failure(BLOCKED[detail], detail)
    return Failure(Reason.OTHR, f"{refusal.code} {refusal.detail}".strip()[:LONGEST])
