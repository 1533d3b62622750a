"""Types other rooms may import. Decimal strings are in units; everything else in base units."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices

# The audit log's event of a batch: it names the journal's row, and its hash.
BATCH_COMMITTED = "dex.batch_committed"


class CommandKind(TextChoices):
    """What a command asks."""

    NEW = "NEW"
    CANCEL = "CANCEL"


class OrderType(TextChoices):
    """FIX OrdType, as far as it goes today."""

    LIMIT = "LIMIT"


class OrderState(TextChoices):
    """Where an order stands. PENDING: recorded, and not yet seen by the matcher."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"


OPEN_STATES = (OrderState.OPEN, OrderState.PARTIAL)


@dataclass(frozen=True, slots=True)
class OrderTicket:
    """An order as its owner writes it; price and quantity are plain decimal strings, in units."""

    client_order_id: str
    isin: str
    side: str
    price: str
    quantity: str
    order_type: str = OrderType.LIMIT
    time_in_force: str = "GTC"


@dataclass(frozen=True, slots=True)
class CommandReceipt:
    """A recorded command, and the matcher's verdict once there is one (`code` None means accepted)."""

    command_id: int
    order_id: UUID
    kind: str
    decided: bool
    code: str | None = None


@dataclass(frozen=True, slots=True)
class FillView:
    """One trade of an order."""

    trade_id: int
    price: str
    quantity: str
    cash_amount: str
    executed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as its owner sees it; amounts are decimal strings in units."""

    order_id: UUID
    client_order_id: str
    isin: str
    side: str
    order_type: str
    time_in_force: str
    price: str
    quantity: str
    filled_quantity: str
    remaining_quantity: str
    status: str
    reason: str | None
    created_at: datetime
    fills: tuple[FillView, ...]


@dataclass(frozen=True, slots=True)
class TradeView:
    """A trade as the market sees it: no names."""

    trade_id: int
    isin: str
    price: str
    quantity: str
    taker_side: str
    executed_at: datetime


@dataclass(frozen=True, slots=True)
class LevelView:
    """A price level of the book."""

    price: str
    quantity: str
    orders: int


@dataclass(frozen=True, slots=True)
class BookView:
    """The book to a depth, best prices first, as of a journal sequence."""

    isin: str
    sequence: int
    bids: tuple[LevelView, ...]
    asks: tuple[LevelView, ...]
