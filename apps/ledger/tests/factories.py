"""Assets, wallets and accounts for tests. Call within a unit of work."""

from datetime import UTC, datetime
from itertools import count
from typing import TypeVar
from uuid import UUID

from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.assets import register_asset
from apps.ledger.services.transfers import transfer_many
from apps.ledger.types import AccountKey, AccountKind, PendingTransfer, Transfer, TransferKind

CASH = "USDX"
ISIN = "US0378331005"
DAY = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
_numbers = count(1)
T = TypeVar("T", bound=Transfer)


def make_wallet() -> str:
    """An address nobody used before."""
    return f"0x{next(_numbers):040x}"


def make_assets() -> None:
    """A security of whole units, and cash of six decimals."""
    register_asset(ISIN, 0)
    register_asset(CASH, 6)


def control_account(asset: str) -> UUID:
    """Where the asset comes from: ISSUANCE for the security, EXTERNAL for cash."""
    key = AccountKey(asset, AccountKind.EXTERNAL if asset == CASH else AccountKind.ISSUANCE)
    return ensure_accounts(keys={key})[key]


def make_account(asset: str = CASH, *, posted: int = 0, wallet: str = "") -> UUID:
    """A wallet's account with `posted` base units from the control account."""
    key = AccountKey(asset, AccountKind.CASH if asset == CASH else AccountKind.POSITION, wallet or make_wallet())
    account = ensure_accounts(keys={key})[key]
    if posted:
        transfer_many([transfer(control_account(asset), account, posted)])
    return account


def transfer(debit: UUID, credit: UUID, amount: int, *, key: str = "") -> Transfer:
    """A transfer with a key of its own."""
    return _filled(Transfer, debit, credit, amount, key)


def pending(debit: UUID, credit: UUID, amount: int, *, key: str = "") -> PendingTransfer:
    """A pending transfer with a key of its own."""
    return _filled(PendingTransfer, debit, credit, amount, key)


def _filled(shape: type[T], debit: UUID, credit: UUID, amount: int, key: str) -> T:
    key = key or f"test:{next(_numbers)}"
    return shape(key, debit, credit, amount, TransferKind.CORRECTION, f"ref:{key}", DAY)
