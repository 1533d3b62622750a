"""Milliseconds from POST /api/dex/orders to its answer, with the matcher's verdict in it.

Ours: the whole product as `make serve` runs it (web server, engines, worker, chain, fsync on): login, eligibility,
the command's commit, the matcher's commit, the answer. One order in ten trades, the others rest, so settlement on chain
runs meanwhile. Idle: one order at a time. Busy: 50 orders a second on schedule. Peer: a bare DRF view on the same web
server and the same PostgreSQL that inserts one row. Rate limits are raised, for two traders send what many would.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.load import Client, Latencies, Send, on_schedule, one_after_another

NAME = "api.order_latency"
IDLE, BUSY, RATE, CONNECTIONS = 300, 1_000, 50, 8
TRADES_EVERY = 10
BARS = {"idle_p50_ms": 25, "idle_p99_ms": 80, "busy_p99_ms": 500}
LIMITS = ("USER", "ANON", "ORDERS", "ISSUANCE", "LOGINS")
HOME = Path(__file__).resolve().parent.parent / ".local" / "bench"


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """Latencies of ours and of the peer, in milliseconds."""
    ours, peer = _ours(say), _peer(say)
    met = {name: ours[name] <= bar for name, bar in BARS.items()}
    return {"ours": ours, "peer": peer, "bars": BARS, "met": met, "unit": "ms"}


def _ours(say: Callable[[str], None]) -> dict[str, Any]:
    from demo.stack import running
    from demo.story import Story

    raised = {f"RATE_LIMIT_{name}": "1000000/min" for name in LIMITS}
    with running(say, home=HOME, environment=raised) as stack:
        story = Story(stack)
        for act in (story.onboard, story.create_security, story.bring_cash, story.issue):
            say(str(act()["said"]))
        return _measured(lambda: _trader(story), say)


def _trader(story: Any) -> Send:
    """Alice's sales and Bob's purchases in turn, over connections of their own."""
    from demo.api import reference
    from demo.story import ISIN

    clients = []
    for investor in (story.cast.alice, story.cast.bob):
        investor.api.get("/api/accounts/me")  # the token is fresh
        clients.append(Client(story.stack.web, investor.api.credentials))

    def send(index: int) -> int:
        # Bids rest below the offers; the tenth order, a purchase, takes the best offer.
        rests = index % 2 and (index + 1) % TRADES_EVERY
        price = "9.00" if rests else "10.00"
        order = {"isin": ISIN, "side": ("SELL", "BUY")[index % 2], "price": price, "quantity": "1"}
        terms = {"client_order_id": reference(), "order_type": "LIMIT", "time_in_force": "GTC"}
        return clients[index % 2].post("/api/dex/orders", order | terms)

    return send


def _peer(say: Callable[[str], None]) -> dict[str, Any]:
    from bench.peers.served import bare_drf

    with bare_drf() as peer:

        def insert(client: Client) -> Send:
            return lambda index: client.post("/bare/rows", {"name": f"row {index}", "quantity": "1.50"})

        return _measured(lambda: insert(Client(peer.url, {})), say)


def _measured(sender: Callable[[], Send], say: Callable[[str], None]) -> dict[str, Any]:
    one_after_another(20, sender())  # connections opened, caches filled
    idle = one_after_another(IDLE, sender())
    say(f"idle: p50 {idle.milliseconds(50)} ms, p99 {idle.milliseconds(99)} ms, {idle.failed} failed")
    busy = on_schedule(BUSY, RATE, [sender() for _ in range(CONNECTIONS)])
    say(f"{RATE}/s: p50 {busy.milliseconds(50)} ms, p99 {busy.milliseconds(99)} ms, {busy.failed} failed")
    return {**_figures("idle", idle), **_figures("busy", busy)}


def _figures(name: str, taken: Latencies) -> dict[str, float]:
    if taken.failed:
        raise RuntimeError(f"{taken.failed} of {len(taken.seconds)} requests were refused")
    return {f"{name}_p{percent}_ms": taken.milliseconds(percent) for percent in (50, 95, 99)}
