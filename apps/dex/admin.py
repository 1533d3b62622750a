"""Officers' pages of the exchange. The journal's bytes are counted, not shown: `dex.sequencing.replay` reads them."""

from django.contrib import admin

from apps.core.officers import Amount, ReadOnlyAdmin
from apps.dex.models import BookState, Command, Inbox, JournalEntry, Order, Sequencer, Trade, Verdict
from apps.ledger.selectors.assets import scales
from apps.securities.selectors.scales import price_scales, quantity_scales

PRICE = Amount("price", key="isin", scales=price_scales)
QUANTITIES = {name: Amount(name, key="isin", scales=quantity_scales) for name in ("quantity", "filled", "canceled")}


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders as they stand."""

    table = ("id", "created_at", "isin", "party_id", "side", "price", "quantity", "filled", "status", "reason")
    columns = {"price": PRICE, **QUANTITIES}
    list_filter = ("status",)
    search_fields = ("id", "isin", "party_id", "wallet_address")


@admin.register(Trade)
class TradeAdmin(ReadOnlyAdmin):
    """Matches."""

    table = ("id", "executed_at", "isin", "buyer_party_id", "seller_party_id", "price", "quantity", "cash_amount")
    columns = {
        "price": PRICE,
        "quantity": QUANTITIES["quantity"],
        "cash_amount": Amount("cash_amount", "cash", key="cash_asset", scales=scales, unit="cash_asset"),
    }
    search_fields = ("id", "isin", "buyer_party_id", "seller_party_id", "maker_order_id", "taker_order_id")


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    """What parties asked."""

    table = ("id", "received_at", "kind", "isin", "party_id", "side", "price", "quantity", "client_command_id")
    columns = {"price": PRICE, "quantity": QUANTITIES["quantity"]}
    hidden = ("fingerprint",)
    list_filter = ("kind",)
    search_fields = ("id", "isin", "party_id", "order_id", "client_command_id", "request_id")


@admin.register(Inbox)
class InboxAdmin(ReadOnlyAdmin):
    """Commands that wait for the matcher."""

    table = ("command_id", "shard")
    search_fields = ("command_id",)


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    """The matcher's answers."""

    table = ("command_id", "seq", "code")
    search_fields = ("command_id", "seq", "code")


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    """Committed batches, chained by hash."""

    table = ("id", "recorded_at", "shard", "seq", "epoch", "commands", "hash", "prev_hash")
    search_fields = ("id", "seq", "hash")


@admin.register(Sequencer)
class SequencerAdmin(ReadOnlyAdmin):
    """Where each shard's writer stands."""

    table = ("shard", "epoch", "last_seq", "last_trade_id", "last_hash")


@admin.register(BookState)
class BookStateAdmin(ReadOnlyAdmin):
    """Hashes of order books."""

    table = ("isin", "seq", "book_hash")
    search_fields = ("isin",)
