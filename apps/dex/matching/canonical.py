"""One byte form for what is hashed or journalled: JSON arrays, no spaces, ASCII, ids as text."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .book import LiveOrder
    from .results import Result

BOOK_HEADER = b"bookentry.book.1\n"
"""Names the form; another form gets another number, so that old hashes stay explicable."""


def queue_bytes(orders: Iterable["LiveOrder"]) -> bytes:
    """The orders of one price level, in priority."""
    return _dump([[str(o.order_id), str(o.party_key), o.quantity, o.filled, o.remaining] for o in orders])


def book_bytes(levels: Iterable[tuple[str, int, str]]) -> bytes:
    """(side, price, digest of the queue) of every level, in the order of the snapshot."""
    return BOOK_HEADER + b"".join(b"%b %d %b\n" % (s.encode(), p, d.encode()) for s, p, d in levels)


def result_bytes(result: "Result") -> bytes:
    """A verdict with all its effects, as the journal records it."""
    return _dump(
        [
            str(result.order_id),
            str(result.party_key),
            result.verdict,
            result.code,
            result.fills,
            result.orders,
            result.levels,
        ]
    )


def _dump(value: object) -> bytes:
    return json.dumps(value, default=str, ensure_ascii=True, separators=(",", ":")).encode("ascii")
