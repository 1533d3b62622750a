"""What an endpoint means by a JSON-RPC error: the codes say little and differ, so its words are read too.

The words are those of geth, erigon, reth, besu and nethermind, and of Alchemy, Infura, QuickNode, Ankr, dRPC,
Tenderly, PublicNode and BlockPI. What matches none of them is OTHER, and never a reason to ask for less.
"""

import re
from dataclasses import dataclass
from enum import Enum

from apps.chain.errors import RpcError

RATE_CODES = frozenset({429, -32029, -32090})
METHOD_CODES = frozenset({-32601, -32004})  # JSON-RPC; EIP-1474
TOO_MUCH_CODES = frozenset({-32005, -32614, -32701})  # EIP-1474 "limit exceeded"; QuickNode; PublicNode


class Refusal(Enum):
    """Why a question was not answered."""

    TOO_MUCH = "TOO_MUCH"  # too many blocks, logs or bytes, or too long a search: ask for less
    RATE = "RATE"  # too many questions: ask later
    PRUNED = "PRUNED"  # the endpoint no longer has it
    BEYOND = "BEYOND"  # the endpoint does not have it yet
    METHOD = "METHOD"  # the endpoint cannot do this at all
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Hint:
    """How many blocks the endpoint says it takes. `lasting` if always, not only for this question."""

    blocks: int
    lasting: bool


RATE = re.compile(
    r"rate.?limit|too many requests|compute units|throughput|request limit|daily limit|requests? per second"
)
PRUNED = re.compile(r"prun|missing trie node|history.*unavailable|archive|not available before|no longer available")
BEYOND = re.compile(r"block ?out ?of ?range|beyond current head|(block|header) not found|unknown block")
TOO_MUCH = re.compile(
    r"block range|blocks? range|range (is |too|limit|\d+ (exceeds|is))|limited to|ranges? over|max(imum)? range"
    r"|rpc range limit|response (size|too|is too)|size exceeded|too large|too wide|too many (blocks|logs|results)"
    r"|more than [\d,]+ (results|logs|blocks|records)|exceeds? (max|limit|the limit)|limit exceeded|limit of"
    r"|timeout|timed out|too long|(at most|maximum is set to|maximum of) [\d,]+"
)
METHOD = re.compile(r"method.*(not (found|exist|available|support|enabled|allowed)|does not exist|unsupported)")
NONE: frozenset[int] = frozenset()
# The first that fits counts.
MEANINGS = (
    (Refusal.RATE, RATE_CODES, RATE),
    (Refusal.METHOD, METHOD_CODES, METHOD),
    (Refusal.PRUNED, NONE, PRUNED),
    (Refusal.BEYOND, NONE, BEYOND),
    (Refusal.OTHER, NONE, re.compile("addresses")),  # too many contracts at once: fewer blocks would not help
    (Refusal.TOO_MUCH, TOO_MUCH_CODES, TOO_MUCH),
)

SUGGESTED = (
    re.compile(r"\[\s*(?P<first>0x[0-9a-f]+)\s*,\s*(?P<last>0x[0-9a-f]+)\s*\]"),  # Alchemy, Infura
    re.compile(r"with the range (?P<first>\d+)\s*-\s*(?P<last>\d+)"),  # reth
)
NUMBER = r"(?P<blocks>\d[\d,]*)(?P<thousands>k?)\b"
STATED = tuple(
    re.compile(pattern.replace("N", NUMBER))
    for pattern in (
        r"up to an? N block range",  # Alchemy
        r"limited to (?:an? |0 - )?N (?:blocks? )?(?:range|blocks)",  # QuickNode, 1RPC
        r"max(?:imum)? (?:allowed )?(?:block )?range(?: is|:| =)? ?N",  # PublicNode, erigon, reth, Cloudflare
        r"range \d[\d,]* (?:exceeds limit of|is bigger than range limit) N",  # Infura, Tenderly
        r"ranges? over N blocks",  # dRPC
        r"block range is too (?:wide|large) \(maximum N\)",  # frontier
        r"too wide blocks range, the limit is N",
        r"range (?:limit|exceeds?)[^\d]{0,30}N",  # BlockPI, Ankr
        r"(?:at most|more than|maximum is set to|maximum of) N(?: blocks|$)",
    )
)


def read(error: RpcError) -> Refusal:
    """What the error means."""
    words = _words(error)
    found = (meaning for meaning, codes, said in MEANINGS if error.code in codes or said.search(words))
    return next(found, Refusal.OTHER)


def hint(error: RpcError) -> Hint | None:
    """How many blocks the words allow, None where they name no number of blocks (a number of results is none)."""
    words = _words(error)
    for pattern in SUGGESTED:
        if found := pattern.search(words):
            return _suggested(found["first"], found["last"])
    for pattern in STATED:
        if found := pattern.search(words):
            blocks = int(found["blocks"].replace(",", "")) * (1000 if found["thousands"] else 1)
            return Hint(blocks, lasting=True) if blocks else None
    return None


def _suggested(first: str, last: str) -> Hint | None:
    base = 16 if first.startswith("0x") else 10
    blocks = int(last, base) - int(first, base) + 1
    return Hint(blocks, lasting=False) if blocks > 0 else None


def _words(error: RpcError) -> str:
    """The message, and what some endpoints put beside it, in lower case; bounded, for the endpoint writes it."""
    return f"{error.message} {error.data if error.data is not None else ''}".lower()[:1_000]
