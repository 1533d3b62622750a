"""Assets, wallets, accounts and transfers for tests. What writes opens its own unit of work, or joins the caller's."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from apps.core.db import unit_of_work
from apps.ledger.models import LedgerHoldEntry, LedgerTransfer
from apps.ledger.selectors.balances import balances
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.assets import register_asset
from apps.ledger.services.transfers import pend_many, transfer_many
from apps.ledger.types import AccountKey, AccountKind, Balance, HoldEntry, PendingTransfer, Transfer, TransferKind

CASH = "USDX"
ISIN = "US0378331005"
OTHER_ISIN = "US5949181045"
DAY = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
_numbers = count(1)


def commit(service: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """One service in a unit of work of its own."""
    with unit_of_work():
        return service(*args, **kwargs)


def make_wallet() -> str:
    """An address nobody used before."""
    return f"0x{next(_numbers):040x}"


def make_key(prefix: str = "test") -> str:
    """An idempotency key nobody used before."""
    return f"{prefix}:{next(_numbers)}"


def make_assets() -> None:
    """Two securities of whole units, and cash of six decimals."""
    with unit_of_work():
        register_asset(ISIN, 0)
        register_asset(OTHER_ISIN, 0)
        register_asset(CASH, 6)


def holder_kind(asset: str) -> AccountKind:
    """What a wallet's account of the asset is."""
    return AccountKind.CASH if asset == CASH else AccountKind.POSITION


def account_of(key: AccountKey) -> UUID:
    """The account, made if it is missing."""
    with unit_of_work():
        return ensure_accounts(keys={key})[key]


def control_account(asset: str = CASH) -> UUID:
    """Where the asset comes from: ISSUANCE for a security, EXTERNAL for cash."""
    return account_of(AccountKey(asset, AccountKind.EXTERNAL if asset == CASH else AccountKind.ISSUANCE))


def make_account(asset: str = CASH, *, posted: int = 0, wallet: str = "") -> UUID:
    """A wallet's account with `posted` base units from the control account."""
    make_assets()
    account = account_of(AccountKey(asset, holder_kind(asset), wallet or make_wallet()))
    if posted:
        commit(transfer_many, [transfer(control_account(asset), account, posted)])
    return account


def make_pending(debit: UUID, credit: UUID, amount: int) -> str:
    """A pending transfer in the books; its key."""
    made = pending(debit, credit, amount)
    commit(pend_many, [made])
    return made.idem_key


def transfer(debit: UUID, credit: UUID, amount: int, *, key: str = "", ref: str = "ref") -> Transfer:
    """A transfer, with a key of its own unless told."""
    return Transfer(key or make_key(), debit, credit, amount, TransferKind.CORRECTION, ref, DAY)


def pending(debit: UUID, credit: UUID, amount: int, *, key: str = "", ref: str = "ref") -> PendingTransfer:
    """A pending transfer, with a key of its own unless told."""
    return PendingTransfer(key or make_key(), debit, credit, amount, TransferKind.SETTLEMENT_CASH, ref, DAY)


def hold(account: UUID, amount: int, *, key: str = "", ref: str = "order:1") -> HoldEntry:
    """A hold entry, with a key of its own unless told."""
    return HoldEntry(key or make_key("hold"), account, amount, ref)


def balance(account: UUID) -> Balance:
    """Where one account stands."""
    return balances([account])[account]


def rows_written() -> tuple[int, int]:
    """How many transfers and hold entries there are: a refusal changes neither."""
    return LedgerTransfer.objects.count(), LedgerHoldEntry.objects.count()
