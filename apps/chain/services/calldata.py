"""Call data for intents of other rooms, what they must do, and contracts' refusals in words."""

from apps.chain.calls import TRANSFER, Trade, mint, settle
from apps.chain.reverts import Refusal, decode_revert
from apps.chain.types import ExpectedEvent

__all__ = ["TRANSFER", "Refusal", "Trade", "decode_revert", "mint", "minted", "settle"]

NOBODY = "0x" + "00" * 32


def minted(token: str, wallet: str, units: int) -> ExpectedEvent:
    """The event that a mint of so many units to the wallet emits: another amount, or another wallet, is none."""
    return ExpectedEvent(TRANSFER, token, (NOBODY, "0x" + wallet[2:].lower().zfill(64)), units.to_bytes(32, "big"))
