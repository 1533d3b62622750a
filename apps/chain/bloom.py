"""The logs bloom of a block header (Yellow Paper, 4.3.1): it may say yes wrongly, never no.

A bloom is an integer of 2048 bits; each address and topic of the block's logs sets three of them.
"""

from collections.abc import Iterable
from functools import lru_cache

from eth_utils.crypto import keccak

BYTES = 256


@lru_cache(maxsize=65536)
def bits(item: str) -> int:
    """The bits of an address or a topic (0x hex)."""
    digest = keccak(hexstr=item)
    found = 0
    for at in (0, 2, 4):
        found |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return found


def may_contain(bloom: int, item: str) -> bool:
    """Whether a log of this address, or with this topic, may be in the block."""
    wanted = bits(item)
    return bloom & wanted == wanted


def bloom_of(items: Iterable[str]) -> int:
    """The bloom of the given addresses and topics."""
    found = 0
    for item in items:
        found |= bits(item)
    return found
