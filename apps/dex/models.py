"""The exchange's tables. Commands, verdicts, trades and the journal are append-only; order rows move."""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.db import AppendOnlyModel, BaseUnitsField
from apps.core.ids import new_id
from apps.dex.types import OPEN_STATES, CommandKind, OrderState, OrderType


class Command(AppendOnlyModel):
    """What a party asked, once by its own id. The order of ids is the order in which the matcher takes them."""

    kind = models.CharField(max_length=8, choices=CommandKind.choices)
    shard = models.CharField(max_length=32)
    party_id = models.UUIDField()
    user_id = models.UUIDField(null=True)
    client_command_id = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    isin = models.CharField(max_length=12)
    order_id = models.UUIDField()
    side = models.CharField(max_length=4, blank=True)
    order_type = models.CharField(max_length=8, choices=OrderType.choices, blank=True)
    time_in_force = models.CharField(max_length=4, blank=True)
    price = BaseUnitsField(null=True)
    quantity = BaseUnitsField(null=True)
    wallet_address = models.CharField(max_length=42, blank=True)
    position_account_id = models.UUIDField(null=True)
    cash_account_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["party_id", "client_command_id"], name="dex_command_once"),
            models.CheckConstraint(
                name="dex_command_whole",
                condition=Q(kind=CommandKind.CANCEL)
                | Q(
                    kind=CommandKind.NEW,
                    price__gt=0,
                    quantity__gt=0,
                    position_account_id__isnull=False,
                    cash_account_id__isnull=False,
                    side__in=["BUY", "SELL"],
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["order_id"], name="dex_command_of_order", condition=Q(kind=CommandKind.NEW)),
        ]


class Inbox(models.Model):
    """Points at an undecided command; deleted in the commit that decides it."""

    command = models.OneToOneField(Command, on_delete=models.PROTECT, primary_key=True)
    shard = models.CharField(max_length=32)


class Verdict(AppendOnlyModel):
    """The matcher's answer to a command; `code` is null when it was accepted."""

    command = models.OneToOneField(Command, on_delete=models.PROTECT, primary_key=True)
    seq = models.BigIntegerField()
    code = models.CharField(max_length=32, null=True)


class Sequencer(models.Model):
    """The one row a shard's writer moves: its epoch fences off every other."""

    shard = models.CharField(max_length=32, primary_key=True)
    epoch = models.BigIntegerField(default=0)
    last_seq = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, blank=True)
    last_place = models.BigIntegerField(default=0)
    last_trade_id = models.BigIntegerField(default=0)


class JournalEntry(AppendOnlyModel):
    """One committed batch: every verdict and effect in canonical bytes, chained by hash: its audit record."""

    shard = models.CharField(max_length=32)
    seq = models.BigIntegerField()
    epoch = models.BigIntegerField()
    commands = models.PositiveIntegerField()
    body = models.BinaryField()
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "dex_journal"
        constraints = [models.UniqueConstraint(fields=["shard", "seq"], name="dex_journal_once")]


class BookState(models.Model):
    """The hash of a security's book as of the last batch that touched it; a reload must give the same."""

    isin = models.CharField(max_length=12, primary_key=True)
    seq = models.BigIntegerField()
    book_hash = models.CharField(max_length=64)


class OrderQuerySet(models.QuerySet["Order"]):
    """Orders, as the trade speaks of them."""

    def open(self) -> "OrderQuerySet":
        """Those that rest in a book."""
        return self.filter(status__in=OPEN_STATES)

    def for_security(self, isin: str) -> "OrderQuerySet":
        """Those in one security."""
        return self.filter(isin=isin)

    def by_place(self) -> "OrderQuerySet":
        """In the order in which they got their place: priority within a price."""
        return self.order_by("place")


class Order(models.Model):
    """An order's present state; its history is in the commands, verdicts, trades and the journal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    command = models.OneToOneField(Command, on_delete=models.PROTECT, related_name="order")
    party_id = models.UUIDField()
    isin = models.CharField(max_length=12)
    side = models.CharField(max_length=4)
    order_type = models.CharField(max_length=8)
    time_in_force = models.CharField(max_length=4)
    price = BaseUnitsField()
    quantity = BaseUnitsField()
    filled = BaseUnitsField(default=0)
    canceled = BaseUnitsField(default=0)
    status = models.CharField(max_length=8, choices=OrderState.choices)
    reason = models.CharField(max_length=32, null=True)
    wallet_address = models.CharField(max_length=42)
    position_account_id = models.UUIDField()
    cash_account_id = models.UUIDField()
    # The sequencer's counter: who came first.
    place = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects: ClassVar[OrderQuerySet] = OrderQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="dex_order_amounts",
                condition=Q(price__gt=0, quantity__gt=0, filled__gte=0, canceled__gte=0)
                & Q(quantity__gte=F("filled") + F("canceled")),
            ),
            models.CheckConstraint(
                name="dex_order_state",
                condition=(
                    Q(status=OrderState.OPEN, filled=0, canceled=0)
                    | Q(status=OrderState.PARTIAL, filled__gt=0, filled__lt=F("quantity"), canceled=0)
                    | Q(status=OrderState.FILLED, filled=F("quantity"))
                    | Q(status=OrderState.CANCELED, canceled__gt=0, quantity=F("filled") + F("canceled"))
                    | Q(status=OrderState.REJECTED, filled=0, canceled=0, reason__isnull=False)
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["isin", "place"], name="dex_order_open", condition=Q(status__in=["OPEN", "PARTIAL"])),
            models.Index(fields=["party_id", "created_at", "id"], name="dex_order_of_party"),
            models.Index(fields=["created_at", "id"], name="dex_order_by_time"),
        ]


class Trade(AppendOnlyModel):
    """A match. Its id is the one writer's counter; settlement knows it as `trade:<id>`."""

    id = models.BigIntegerField(primary_key=True)
    isin = models.CharField(max_length=12)
    maker_order_id = models.UUIDField()
    taker_order_id = models.UUIDField()
    buyer_party_id = models.UUIDField()
    seller_party_id = models.UUIDField()
    taker_side = models.CharField(max_length=4)
    price = BaseUnitsField()
    quantity = BaseUnitsField()
    cash_asset = models.CharField(max_length=16)
    cash_amount = BaseUnitsField()
    seq = models.BigIntegerField()
    executed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="dex_trade_amounts", condition=Q(price__gt=0, quantity__gt=0, cash_amount__gt=0)
            )
        ]
        indexes = [
            BrinIndex(fields=["executed_at"], name="dex_trade_time"),
            models.Index(fields=["isin", "id"], name="dex_trade_of_security"),
            models.Index(fields=["isin", "executed_at", "id"], name="dex_trade_by_time"),
            models.Index(fields=["maker_order_id"], name="dex_trade_of_maker"),
            models.Index(fields=["taker_order_id"], name="dex_trade_of_taker"),
        ]


def trade_ref(trade_id: int) -> str:
    """A trade's name in ledger and settlement."""
    return f"trade:{trade_id}"
