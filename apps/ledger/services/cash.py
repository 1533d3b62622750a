"""Cash movements that have already happened on the chain: the books follow, whatever they had reserved.

A wallet's owner can pay away on the chain what holds and pending settlements reserve here. The free balance is
debited; the rest, the shortfall, is owed by the wallet's SUSPENSE account until cash comes in or is freed.
"""

from datetime import datetime
from uuid import UUID

from apps.core.db import fetch_all, within_unit_of_work
from apps.ledger.models import LedgerAccount
from apps.ledger.selectors.balances import lock_balances
from apps.ledger.services import writing
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.entries import as_entry
from apps.ledger.types import AccountKey, AccountKind, Transfer, TransferKind, TransferState

_WRITTEN = "SELECT idem_key, amount FROM ledger_transfer WHERE idem_key = ANY(%s)"


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

    `from_wallet` None is a mint, `to_wallet` None a burn. Accounts are made as needed. Nothing happens for an amount
    of 0, for a wallet that pays itself, and on a replay, which returns what was short the first time.
    """
    if amount == 0 or from_wallet == to_wallet:
        return 0
    source, target = _side(asset, from_wallet), _side(asset, to_wallet)
    accounts = ensure_accounts(keys={source, target})
    owing = _suspense_of(asset, [wallet for wallet in (from_wallet, to_wallet) if wallet])
    standing = lock_balances([*accounts.values(), *owing.values()])
    written = dict(fetch_all(_WRITTEN, [[idem_key, f"{idem_key}:shortfall"]]))
    if written:
        return int(written.get(f"{idem_key}:shortfall", 0))
    free = amount if from_wallet is None else min(amount, standing[accounts[source]].available)
    kind = _kind(from_wallet, to_wallet)

    def moved(key: str, debit: UUID, credit: UUID, units: int, why: TransferKind) -> Transfer:
        return Transfer(key, debit, credit, units, why, source_ref, effective_at)

    transfers = []
    if free:
        transfers.append(moved(idem_key, accounts[source], accounts[target], free, kind))
    if amount > free:
        suspense = AccountKey(asset, AccountKind.SUSPENSE, from_wallet)
        owed = ensure_accounts(keys={suspense})[suspense]
        transfers.append(moved(f"{idem_key}:shortfall", owed, accounts[target], amount - free, TransferKind.SHORTFALL))
    if to_wallet in owing:
        back = min(amount, -standing[owing[to_wallet]].posted)
        if back > 0:
            transfers.append(
                moved(f"{idem_key}:recovery", accounts[target], owing[to_wallet], back, TransferKind.RECOVERY)
            )
    writing.write([as_entry(transfer, TransferState.POSTED) for transfer in transfers], [])
    return amount - free


@within_unit_of_work
def recover_shortfall(*, asset: str, wallet_address: str, source_ref: str, effective_at: datetime) -> int:
    """Pay back a wallet's shortfall from what has become free (a voided settlement, a released hold); the amount.

    `source_ref` names what freed it, once.
    """
    owing = _suspense_of(asset, [wallet_address]).get(wallet_address)
    if owing is None:
        return 0
    cash = AccountKey(asset, AccountKind.CASH, wallet_address)
    account = ensure_accounts(keys={cash})[cash]
    standing = lock_balances([account, owing])
    back = min(-standing[owing].posted, standing[account].available)
    if back <= 0:
        return 0
    key = f"{source_ref}:recovery:{wallet_address}"
    transfer = Transfer(key, account, owing, back, TransferKind.RECOVERY, source_ref, effective_at)
    writing.write([as_entry(transfer, TransferState.POSTED)], [])
    return back


def _side(asset: str, wallet_address: str | None) -> AccountKey:
    return AccountKey(asset, AccountKind.CASH if wallet_address else AccountKind.EXTERNAL, wallet_address)


def _kind(from_wallet: str | None, to_wallet: str | None) -> TransferKind:
    if from_wallet is None:
        return TransferKind.CASH_IN
    return TransferKind.CASH_OUT if to_wallet is None else TransferKind.CASH_MOVE


def _suspense_of(asset: str, wallets: list[str]) -> dict[str | None, UUID]:
    rows = LedgerAccount.objects.filter(asset=asset, kind=AccountKind.SUSPENSE, wallet_address__in=wallets)
    return dict(rows.values_list("wallet_address", "pk"))
