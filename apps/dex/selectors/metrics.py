"""Numbers for operators."""

from apps.dex.models import Inbox, Order, Sequencer


def dex_metrics() -> dict[str, float]:
    """Commands waiting, orders resting, batches committed, trades made."""
    sequencers = list(Sequencer.objects.all())
    return {
        "bookentry_dex_commands_waiting": Inbox.objects.count(),
        "bookentry_dex_orders_open": Order.objects.open().count(),
        "bookentry_dex_batches_committed": sum(s.last_seq for s in sequencers),
        "bookentry_dex_trades_made": sum(s.last_trade_id for s in sequencers),
    }
