"""Cash movements that have already happened on the chain: the books follow, whatever they had reserved.

A wallet's owner can pay away on the chain what holds and pending settlements reserve here. The free balance is
debited; the rest, the shortfall, is owed by the wallet's SUSPENSE account until cash comes in or is freed.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.core.db import fetch_all, within_unit_of_work
from apps.ledger.models import LedgerAccount
from apps.ledger.selectors.balances import lock_balances
from apps.ledger.services import writing
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.types import AccountKey, AccountKind, Entry, TransferKind, TransferState

_WRITTEN = "SELECT idem_key, amount FROM ledger_transfer WHERE idem_key = ANY(%s)"


@dataclass(frozen=True, slots=True)
class _Movement:
    """One Transfer of a cash token, with what its ledger transfers have in common."""

    idem_key: str
    asset: str
    from_wallet: str | None
    to_wallet: str | None
    source_ref: str
    effective_at: datetime

    @property
    def kind(self) -> TransferKind:
        if self.from_wallet is None:
            return TransferKind.CASH_IN
        return TransferKind.CASH_OUT if self.to_wallet is None else TransferKind.CASH_MOVE

    def entry(self, suffix: str, debit: UUID, credit: UUID, amount: int, kind: TransferKind) -> Entry:
        key = self.idem_key + suffix
        return Entry(key, debit, credit, amount, kind, self.source_ref, self.effective_at, TransferState.POSTED)


@within_unit_of_work
def move_cash_external(
    *,
    idem_key: str,
    asset: str,
    from_wallet: str | None,
    to_wallet: str | None,
    amount: int,
    source_ref: str,
    effective_at: datetime,
) -> int:
    """Book a final cash Transfer of the chain; the shortfall, 0 where the free balance covers it.

    `from_wallet` None is a mint, `to_wallet` None a burn. Accounts are made as needed. What comes in first pays
    back the receiving wallet's own shortfall. Nothing happens for an amount of 0, for a wallet that pays itself,
    and on a replay, which returns what was short the first time. Raises UnknownAsset, and InvalidValue for an
    amount the books cannot hold.
    """
    if amount == 0 or from_wallet == to_wallet:
        return 0
    movement = _Movement(idem_key, asset, from_wallet, to_wallet, source_ref, effective_at)
    source, target = _sides(movement)
    owing = _suspense_accounts(asset, [wallet for wallet in (from_wallet, to_wallet) if wallet])
    standing = lock_balances([source, target, *owing.values()])
    if written := _written(idem_key, f"{idem_key}:shortfall"):
        return written.get(f"{idem_key}:shortfall", 0)
    free = amount if from_wallet is None else min(amount, standing[source].available)
    entries = _payment(movement, source, target, free=free, short=amount - free)
    if (owed := owing.get(to_wallet)) and (back := min(amount, -standing[owed].posted)) > 0:
        entries.append(movement.entry(":recovery", target, owed, back, TransferKind.RECOVERY))
    writing.write(entries, [])
    return amount - free


def _sides(movement: _Movement) -> tuple[UUID, UUID]:
    """The accounts it leaves and reaches: a wallet's cash, or the world outside."""
    source, target = (
        AccountKey(movement.asset, AccountKind.CASH if wallet else AccountKind.EXTERNAL, wallet)
        for wallet in (movement.from_wallet, movement.to_wallet)
    )
    accounts = ensure_accounts(keys={source, target})
    return accounts[source], accounts[target]


def _payment(movement: _Movement, source: UUID, target: UUID, *, free: int, short: int) -> list[Entry]:
    """What the source's free balance pays, and what its suspense account pays for it."""
    entries = [movement.entry("", source, target, free, movement.kind)] if free else []
    if short:
        suspense = AccountKey(movement.asset, AccountKind.SUSPENSE, movement.from_wallet)
        owed = ensure_accounts(keys={suspense})[suspense]
        entries.append(movement.entry(":shortfall", owed, target, short, TransferKind.SHORTFALL))
    return entries


@within_unit_of_work
def recover_shortfall(*, asset: str, wallet_address: str, source_ref: str, effective_at: datetime) -> int:
    """Pay back a wallet's shortfall from what has become free (a voided settlement, a released hold); the amount.

    `source_ref` names what freed it: asked again for the same, it returns what was paid back the first time.
    """
    owed = _suspense_accounts(asset, [wallet_address]).get(wallet_address)
    if owed is None:
        return 0
    cash = AccountKey(asset, AccountKind.CASH, wallet_address)
    account = ensure_accounts(keys={cash})[cash]
    standing = lock_balances([account, owed])
    key = f"{source_ref}:recovery:{wallet_address}"
    if written := _written(key):
        return written[key]
    back = min(-standing[owed].posted, standing[account].available)
    if back <= 0:
        return 0
    movement = _Movement(key, asset, wallet_address, None, source_ref, effective_at)
    writing.write([movement.entry("", account, owed, back, TransferKind.RECOVERY)], [])
    return back


def _suspense_accounts(asset: str, wallets: list[str]) -> dict[str | None, UUID]:
    rows = LedgerAccount.objects.filter(asset=asset, kind=AccountKind.SUSPENSE, wallet_address__in=wallets)
    return dict(rows.values_list("wallet_address", "pk"))


def _written(*keys: str) -> dict[str, int]:
    """Which of these transfers are written, with their amounts."""
    return {key: int(amount) for key, amount in fetch_all(_WRITTEN, [list(keys)])}
