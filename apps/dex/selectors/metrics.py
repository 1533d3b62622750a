"""Numbers for operators."""

from collections.abc import Iterator

from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, counter, gauge
from apps.dex.models import Command, Inbox, Order, Sequencer

COMMANDS_WAITING = gauge(
    "bookentry_dex_commands_waiting", f"Commands that the matcher has not decided. Counted up to {COUNTED_TO}."
)
COMMANDS_OLDEST = gauge(
    "bookentry_dex_oldest_command_age_seconds", "Seconds since the oldest undecided command was accepted; 0 if none."
)
ORDERS_OPEN = gauge("bookentry_dex_orders_open", f"Orders that rest in a book. Counted up to {COUNTED_TO}.")
BATCHES = counter("bookentry_dex_batches_total", "Batches the matcher has committed.")
TRADES = counter("bookentry_dex_trades_total", "Trades made.")
METRICS = (COMMANDS_WAITING, COMMANDS_OLDEST, ORDERS_OPEN, BATCHES, TRADES)


def dex_metrics() -> Iterator[Sample]:
    """Commands waiting, orders resting, batches committed, trades made."""
    yield COMMANDS_WAITING.sample(counted(Inbox.objects.all()))
    yield COMMANDS_OLDEST.sample(_oldest_wait())
    yield ORDERS_OPEN.sample(counted(Order.objects.open()))
    sequencers = list(Sequencer.objects.all())
    yield BATCHES.sample(sum(s.last_seq for s in sequencers))
    yield TRADES.sample(sum(s.last_trade_id for s in sequencers))


def _oldest_wait() -> float:
    oldest = Command.objects.filter(pk=Inbox.objects.order_by("pk").values("pk")[:1]).first()
    return max((clock.now() - oldest.received_at).total_seconds(), 0) if oldest else 0
