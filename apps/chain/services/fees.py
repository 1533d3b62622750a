"""What gas costs (EIP-1559), in wei."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from apps.chain.gateway import Node

# A pool takes a replacement only if both fees are at least a tenth higher.
BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
HISTORY = 10  # blocks


@dataclass(frozen=True, slots=True)
class Fees:
    """The most one gas may cost, and the part of it that goes to the block's proposer."""

    max_fee: int
    max_priority_fee: int

    def bumped(self, now: "Fees") -> "Fees":
        """Fees that replace these: today's, but an eighth above these at the least."""
        return Fees(
            max(now.max_fee, -(-self.max_fee * BUMP_NUMERATOR // BUMP_DENOMINATOR)),
            max(now.max_priority_fee, -(-self.max_priority_fee * BUMP_NUMERATOR // BUMP_DENOMINATOR)),
        )


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block, as far as sending cares. `base_fee` in wei; `gas_limit` is of the whole block."""

    number: int
    hash: str
    base_fee: int
    gas_limit: int


def read_head(node: Node) -> Head:
    """The node's newest block."""
    block: Mapping[str, Any] = node.call("eth_getBlockByNumber", "latest", False)
    number, base_fee = int(block["number"], 16), int(block.get("baseFeePerGas", "0x0"), 16)
    return Head(number, block["hash"], base_fee, int(block["gasLimit"], 16))


def current_fees(node: Node, head: Head) -> Fees:
    """Enough for about six full blocks in a row: twice the base fee and the tip the node suggests, up to the cap.

    The tip is one node's word and is paid whatever the base fee: the cap holds for it too.
    """
    tip = min(_tip(node), fee_cap())
    return Fees(min(2 * head.base_fee + tip, fee_cap()), tip)


def _tip(node: Node) -> int:
    """What the node suggests; where it suggests nothing, what half the gas of late paid at least, or the policy's."""
    suggested, history = node.batch(
        [("eth_maxPriorityFeePerGas", ()), ("eth_feeHistory", (hex(HISTORY), "latest", [50]))]
    )
    if isinstance(suggested, str):
        return int(suggested, 16)
    rewards = history.get("reward") if isinstance(history, dict) else None
    paid = sorted(int(block[0], 16) for block in rewards or [] if block)
    return paid[len(paid) // 2] if paid else int(settings.SECURITY.chain.sending.fallback_tip_wei)


def fee_cap() -> int:
    """The most we ever offer for one gas, in wei."""
    return int(settings.CHAIN_MAX_FEE_PER_GAS)
