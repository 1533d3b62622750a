"""Call data for intents of other rooms, and contracts' refusals in words."""

from apps.chain.calls import TRANSFER, Trade, mint, settle
from apps.chain.reverts import Refusal, decode_revert

__all__ = ["TRANSFER", "Refusal", "Trade", "decode_revert", "mint", "settle"]
