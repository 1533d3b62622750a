"""How the chain is believed: when a block is final, and how nodes that lag, lie or are away are dealt with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from config.security.keys import Conflict, Key


class FinalityMode(StrEnum):
    """What makes a block final: the nodes' `finalized` tag, blocks on top of it, or nothing more (QBFT, IBFT)."""

    TAG = "TAG"
    DEPTH = "DEPTH"
    INSTANT = "INSTANT"


@dataclass(frozen=True, slots=True)
class Finality:
    """Of the one chain these books belong to."""

    mode: Annotated[FinalityMode, Key("what makes a block final")]
    depth: Annotated[int, Key("with DEPTH: blocks on top of a final one", 1, 100_000)]
    min_depth: Annotated[int, Key("with TAG: no block is final with fewer on top, whatever a node says", 0, 100_000)]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Nodes. One that is quarantined is not asked until its time is over; each time in a row is twice as long."""

    check_seconds: Annotated[float, Key("seconds between looks at the nodes that are not followed", 0.1, 300)]
    probe_seconds: Annotated[float, Key("seconds such a look may take", 0.1, 30)]
    lag_blocks: Annotated[int, Key("blocks behind another node from which one lags", 1, 10_000)]
    stale_seconds: Annotated[int, Key("seconds with the same head, while others move, after which it lags", 1, 86_400)]
    quarantine_seconds: Annotated[int, Key("quarantine of a node that lags or is away", 1, 3_600)]
    longest_quarantine_seconds: Annotated[int, Key("and its longest", 1, 86_400)]
    lie_seconds: Annotated[int, Key("quarantine of a node that contradicted itself", 1, 86_400)]
    longest_lie_seconds: Annotated[int, Key("and its longest", 1, 604_800)]
    lies_a_day: Annotated[int, Key("lies in 24 hours after which only a person lets it back", 1, 100)]
    alert_seconds: Annotated[int, Key("seconds after which one that lags or is away is an alert", 1, 86_400)]

    def conflicts(self) -> Iterator[Conflict]:
        """The longest is no shorter than the first."""
        for first, longest in (
            ("quarantine_seconds", "longest_quarantine_seconds"),
            ("lie_seconds", "longest_lie_seconds"),
        ):
            if getattr(self, longest) < getattr(self, first):
                yield Conflict(longest, str(getattr(self, longest)), f"at least {first} ({getattr(self, first)})")


@dataclass(frozen=True, slots=True)
class Stream:
    """How far the stored blocks may be behind the nodes, and how long a request waits for them."""

    lag_seconds: Annotated[int, Key("age of the newest stored block, while nodes have newer ones: an alert", 1, 86_400)]
    wait_seconds: Annotated[int, Key("how long the ingestion of one transaction waits for its block", 0, 30)]


class Headers(StrEnum):
    """Whether a header must hash to what the node says. Chains that hash without seals (QBFT, Clique) cannot."""

    VERIFY = "VERIFY"
    TRUST = "TRUST"


class Receipts(StrEnum):
    """What logs are held against: the header's receipts root, or only its bloom (foreign types of receipt)."""

    VERIFY = "VERIFY"
    BLOOM = "BLOOM"


class Logs(StrEnum):
    """How the logs of final blocks are asked for: by whole receipts, by ranges, or as is cheaper."""

    CHEAPER = "CHEAPER"
    RECEIPTS = "RECEIPTS"
    RANGES = "RANGES"


@dataclass(frozen=True, slots=True)
class Answers:
    """What nodes' answers are held against."""

    headers: Annotated[Headers, Key("whether a header must hash to its hash; TRUST for QBFT and Clique")]
    receipts: Annotated[Receipts, Key("whether a block's receipts must hash to their root, or only fit its bloom")]
    logs: Annotated[Logs, Key("how logs of final blocks are asked for")]


@dataclass(frozen=True, slots=True)
class Sending:
    """Transactions of ours."""

    in_flight: Annotated[int, Key("transactions of a signer on their way; nodes drop what queues deeper", 1, 5_000)]
    lost_after_seconds: Annotated[float, Key("seconds after which the pool is asked whether it has them", 0.5, 600)]
    bump_after_seconds: Annotated[int, Key("seconds after which what the base fee overtook is sent for more", 1, 3_600)]
    bump_after_blocks: Annotated[
        int, Key("blocks that pass by a signer's next one before it is sent for more", 1, 1_000)
    ]
    safe_depth: Annotated[int, Key("blocks on top from which a transaction is called SAFE", 1, 100_000)]
    fallback_tip_wei: Annotated[int, Key("wei a unit of gas to the proposer, where a node names none", 0, 10**12)]
    four_eyes_gwei: Annotated[int, Key("gwei above which a transaction waits for a second person", 0, 10**15)]
    four_eyes_units: Annotated[int, Key("units of a token above which one does", 0, 10**15)]
    human_cap_gwei: Annotated[int, Key("gwei a unit of gas that people may offer at most", 1, 10**7)]
    low_gwei: Annotated[int, Key("gwei of ether below which a signer is an alert; 0: never", 0, 10**15)]
    late_seconds: Annotated[int, Key("seconds after which a transaction in no block is an alert", 1, 604_800)]
    undecided_seconds: Annotated[int, Key("seconds after which one that waits for a second person is", 1, 2_592_000)]


# What a role may be permitted besides calls of functions.
CREATION, OWN_ADDRESS = "creation", "self"
ANYTHING = "*"  # of tests alone: no file may say it
CALL = re.compile(r"[a-z_]{1,40} [A-Za-z][A-Za-z0-9]*\([a-z0-9,()\[\]]*\)")


@dataclass(frozen=True, slots=True)
class Power:
    """What one signer may send, and how much of it in a period."""

    calls: Annotated[tuple[str, ...], Key("functions it may call, each after whose; `creation`; `self`", 1, 50)]
    transactions: Annotated[int, Key("transactions in a period", 1, 10**9)]
    units: Annotated[int, Key("units in a period, of each token that it moves", 0, 10**17)]
    gwei: Annotated[int, Key("gwei in a period, sent with transactions", 0, 10**15)]

    def conflicts(self) -> Iterator[Conflict]:
        """Each call is `<whose> <function>(<types>)`, or one of the two words."""
        for number, call in enumerate(self.calls):
            if call not in {CREATION, OWN_ADDRESS} and not CALL.fullmatch(call):
                yield Conflict(f"calls.{number}", "another text", "whose, a space, and name(types); `creation`; `self`")


@dataclass(frozen=True, slots=True)
class Powers:
    """Signers by role. What is beyond a period waits for a person; what its role may not say is refused."""

    period_seconds: Annotated[int, Key("seconds of a period, from its first transaction on", 60, 2_678_400)]
    deployer: Power
    minter: Power
    agent: Power
    operator: Power
    management: Power


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain."""

    finality: Finality
    answers: Answers
    endpoints: Endpoints
    stream: Stream
    sending: Sending
    powers: Powers
