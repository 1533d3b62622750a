"""The log against the usual chain: 32 raw clients move balances with an event of either in the same transaction.

Peer: one hash chain over the whole table, whose head is locked from the event to the commit.
"""

from collections.abc import Callable
from typing import Any

from bench.audit_clients import CLIENTS, rates_of

NAME = "audit.vs_chain"
BAR = 2.0


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """The median rates, taken in turn, and their ratio."""
    ours, chain = rates_of("ours", "chain", say=say)
    return {
        "clients": CLIENTS,
        "ours": round(ours),
        "peer": round(chain),
        "ratio": round(ours / chain, 2),
        "bar": f"ratio >= {BAR}",
        "met": ours / chain >= BAR,
        "unit": "transactions/s",
    }
