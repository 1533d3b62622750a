"""The log against the usual chain: 32 raw clients move balances with an event of either in the same transaction.

Peer: one hash chain over the whole table, whose head is locked from the event to the commit.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

from bench.audit_clients import CLIENTS, ROUNDS, prepare, rate
from bench.books import fresh_books, set_up

NAME = "audit.vs_chain"
BAR = 2.0


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """The median rates, taken in turn, and their ratio."""
    set_up()
    rates: dict[str, list[float]] = {"ours": [], "chain": []}
    with fresh_books():
        prepare()
        for number in range(1, ROUNDS + 1):
            for kind, taken in rates.items():
                taken.append(rate(kind))
            say(f"round {number}/{ROUNDS}: " + ", ".join(f"{kind} {taken[-1]:,.0f}/s" for kind, taken in rates.items()))
    ours, chain = median(rates["ours"]), median(rates["chain"])
    return {
        "clients": CLIENTS,
        "ours": round(ours),
        "peer": round(chain),
        "ratio": round(ours / chain, 2),
        "bar": f"ratio >= {BAR}",
        "met": ours / chain >= BAR,
        "unit": "transactions/s",
    }
