"""What is known of one endpoint: how much it takes in one question, and what its answers cost.

All of it is learned from its refusals and its answers. Caps are kept in its row, measures live with a session.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

WIDEST_RANGE = 2_000  # blocks
HEADERS_A_BATCH = 500
RECEIPTS_A_BATCH = 500  # blocks
CALLS_A_BATCH = 500
TARGET_BYTES = 8 * 2**20  # of receipts in one answer, as predicted
STREAK = 20
HINT_HOLDS = timedelta(hours=1)


class HeaderPolicy(Enum):
    """Whether a header must hash to what the node says. Chains that hash without seals (QBFT, Clique) cannot."""

    VERIFY = "VERIFY"
    TRUST = "TRUST"


class ReceiptPolicy(Enum):
    """What logs are held against: the header's receipts root, or only its bloom (foreign types of receipt)."""

    VERIFY = "VERIFY"
    BLOOM = "BLOOM"


class Mode(Enum):
    """How the logs of final blocks are asked for."""

    RECEIPTS = "RECEIPTS"
    RANGES = "RANGES"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a chain's answers. Without a `mode` the cheaper one is taken, batch by batch."""

    headers: HeaderPolicy = HeaderPolicy.VERIFY
    receipts: ReceiptPolicy = ReceiptPolicy.VERIFY
    mode: Mode | None = None


VERIFIED = Policy()


@dataclass(slots=True)
class Cap:
    """How many of something one question may ask for: less after each refusal, more after many successes at it."""

    value: int
    most: int = 0
    _streak: int = 0

    def __post_init__(self) -> None:
        self.most = self.most or self.value

    def refuse(self, tried: int, *, hint: int | None = None, lasting: bool = False) -> None:
        """Ask for at most `hint`, if it is less than what was refused, else half of that; never above a lasting one."""
        smaller = hint if hint is not None and 0 < hint < tried else max(1, tried // 2)
        self.value, self._streak = min(self.value, smaller), 0
        if lasting and smaller == hint:
            self.most = min(self.most, smaller)

    def accept(self, used: int) -> None:
        """Twenty answers to questions as wide as the cap make it a tenth wider; smaller questions tell nothing."""
        if used < self.value:
            return
        self._streak += 1
        if self._streak >= STREAK:
            self.value, self._streak = min(self.most, self.value + max(1, self.value // 10)), 0


@dataclass(slots=True)
class Measured:
    """What answers were like so far. Rises are believed at once, falls slowly: a batch must not become too large."""

    bytes_a_gas: float = 0.05  # of block receipts
    # Watched logs in a block whose bloom says there may be some; None before the first answer.
    logs_a_suspect: float | None = None
    silent: float = 0.0  # share of such blocks in which a suspected contract says nothing

    def learn_bytes(self, *, answer: int, gas: int) -> None:
        """An answer of so many bytes came for blocks that used so much gas."""
        if gas:
            found = answer / gas
            self.bytes_a_gas = max(found, (7 * self.bytes_a_gas + found) / 8)

    def learn_suspects(self, *, blocks: int, logs: int, silent: int) -> None:
        """Of so many suspect blocks came so many watched logs, and in so many a suspected contract was silent."""
        if blocks:
            found = logs / blocks
            self.logs_a_suspect = found if self.logs_a_suspect is None else (7 * self.logs_a_suspect + found) / 8
            self.silent = (7 * self.silent + silent / blocks) / 8


@dataclass(slots=True)
class Limits:
    """What one endpoint takes, as far as it is known."""

    ranges: Cap = field(default_factory=lambda: Cap(WIDEST_RANGE))
    headers: Cap = field(default_factory=lambda: Cap(HEADERS_A_BATCH))
    receipts: Cap = field(default_factory=lambda: Cap(RECEIPTS_A_BATCH))
    # When it said itself how wide a range may be; that is `ranges.most` for an hour.
    hinted_at: datetime | None = None
    batch_calls: int = CALLS_A_BATCH
    oldest_block: int = 0  # whose logs it still has
    block_receipts: bool = True  # whether it has eth_getBlockReceipts
    raw_transactions: bool = True  # whether it has eth_getRawTransactionByHash
    measured: Measured = field(default_factory=Measured)

    def date_hint(self, now: datetime) -> None:
        """Begin the hour of a hint that has come since, or forget one whose hour is over."""
        if self.ranges.most >= WIDEST_RANGE:
            self.hinted_at = None
        elif self.hinted_at is None:
            self.hinted_at = now
        elif now - self.hinted_at >= HINT_HOLDS:
            self.ranges.most, self.hinted_at = WIDEST_RANGE, None
