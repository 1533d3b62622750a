"""What the log costs the business: 32 raw clients move balances, each with its event in the same transaction.

Peer: the same without any event. Void where the peer does less than 3,000 a second: then something else is measured.
"""

from collections.abc import Callable
from typing import Any

from bench.audit_clients import CLIENTS, rates_of

NAME = "audit.overhead"
BAR, LEAST = 0.70, 3_000


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """The median rates, taken in turn, and their ratio."""
    unaudited, ours = rates_of("unaudited", "ours", say=say)
    return {
        "clients": CLIENTS,
        "ours": round(ours),
        "peer": round(unaudited),
        "ratio": round(ours / unaudited, 3),
        "bar": f"ratio >= {BAR}, void under {LEAST}/s unaudited",
        "void": unaudited < LEAST,
        "met": unaudited >= LEAST and ours / unaudited >= BAR,
        "unit": "transactions/s",
    }
