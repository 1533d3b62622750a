"""What the log costs the business: 32 raw clients move balances, each with its event in the same transaction.

Peer: the same without any event. Void where the peer does less than 3,000 a second: then something else is measured.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

from bench.audit_clients import CLIENTS, ROUNDS, prepare, rate
from bench.books import fresh_books, set_up

NAME = "audit.overhead"
BAR, LEAST = 0.70, 3_000


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """The median rates, taken in turn, and their ratio."""
    set_up()
    rates: dict[str, list[float]] = {"unaudited": [], "ours": []}
    with fresh_books():
        prepare()
        for number in range(1, ROUNDS + 1):
            for kind, taken in rates.items():
                taken.append(rate(kind))
            say(f"round {number}/{ROUNDS}: " + ", ".join(f"{kind} {taken[-1]:,.0f}/s" for kind, taken in rates.items()))
    unaudited, ours = median(rates["unaudited"]), median(rates["ours"])
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
