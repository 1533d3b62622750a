"""Receipts of whole blocks, or ranges of logs: whichever costs less, as far as measured. Pure.

Receipts prove themselves against the header, so they are taken unless they cost more than four times as much.
Costs are microseconds of the node and of us together: per byte read, per transaction (its receipt is hashed, and
the node builds it), per log of a range (its bloom is looked up). Measured on one core against anvil.
"""

from collections.abc import Sequence

from apps.chain.fetching.suspects import Suspects
from apps.chain.limits import TARGET_BYTES, Limits, Measured, Mode
from apps.chain.wire import Header

BYTE_MICROSECONDS = 0.0093
TRANSACTION_MICROSECONDS = 30.0
LOG_MICROSECONDS = 13.0
LOG_BYTES = 650  # as eth_getLogs serves a transfer
WORTH = 4  # how much dearer an answer may be that proves itself


def choose(blocks: Sequence[Header], measured: Measured) -> Mode:
    """The way to ask for the logs of suspect blocks; before anything is known, that whose answer's size is foretold."""
    if measured.logs_a_suspect is None:
        return Mode.RECEIPTS
    receipts = sum(_bytes(block, measured) for block in blocks) * BYTE_MICROSECONDS
    receipts += sum(len(block.transactions or ()) for block in blocks) * TRANSACTION_MICROSECONDS
    # A block in which a suspected contract is silent is asked for again, by its receipts.
    ranges = len(blocks) * measured.logs_a_suspect * LOG_MICROSECONDS + measured.silent * receipts
    return Mode.RANGES if receipts > WORTH * ranges else Mode.RECEIPTS


def fitting(blocks: Sequence[Header], limits: Limits) -> int:
    """How many of the first blocks' receipts fit one answer: at least one."""
    total = 0.0
    for count, block in enumerate(blocks[: limits.receipts.value]):
        total += _bytes(block, limits.measured)
        if count and total > TARGET_BYTES:
            return count
    return min(len(blocks), limits.receipts.value)


def first_that_fit(headers: Sequence[Header], suspects: Suspects, limits: Limits) -> Sequence[Header]:
    """The first headers whose suspects' receipts fit one answer, as predicted: at least one."""
    total = 0.0
    for count, header in enumerate(headers):
        total += _bytes(header, limits.measured) if header.hash in suspects else 0
        if count and total > TARGET_BYTES:
            return headers[:count]
    return headers


def within_range(blocks: Sequence[Header], limits: Limits) -> Sequence[Header]:
    """The first blocks, as far as they fit one question for logs and, as predicted, one answer: at least one."""
    count = max(1, int(TARGET_BYTES / (LOG_BYTES * max(1.0, limits.measured.logs_a_suspect or 0.0))))
    end = blocks[0].number + limits.ranges.value
    return [block for block in blocks[: min(count, limits.ranges.value)] if block.number < end]


def _bytes(block: Header, measured: Measured) -> float:
    return block.gas_used * measured.bytes_a_gas
