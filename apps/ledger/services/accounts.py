"""Accounts of wallets and control accounts, made on first use."""

from collections.abc import Collection
from uuid import UUID

from apps.core.db import as_columns, fetch_all, run_sql, within_unit_of_work
from apps.core.ids import new_id
from apps.ledger.errors import UnknownAsset, WalletOwned
from apps.ledger.models import LedgerAccount, LedgerAsset, LedgerWalletOwner
from apps.ledger.types import AccountKey

# Sorted, so that two callers who make the same accounts never wait for each other in a circle.
_INSERT = """
INSERT INTO ledger_account (id, asset, kind, wallet_address, party_id)
SELECT k.id, k.asset, k.kind, k.wallet_address, o.party_id
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS k (id, asset, kind, wallet_address)
LEFT JOIN ledger_wallet_owner o ON o.wallet_address = k.wallet_address
ORDER BY k.asset, k.kind, k.wallet_address
ON CONFLICT (asset, kind, wallet_address) DO NOTHING
"""
# A wallet's row is there before its first account and share-locked while accounts are made: assign_owner() either
# sees them, or they see the owner.
_KNOW_WALLETS = """
INSERT INTO ledger_wallet_owner (wallet_address) SELECT unnest(%s::text[]) ON CONFLICT (wallet_address) DO NOTHING
"""
_LOCK_WALLETS = """
SELECT FROM ledger_wallet_owner WHERE wallet_address = ANY(%s::text[]) ORDER BY wallet_address FOR SHARE
"""
_ASSIGN = """
INSERT INTO ledger_wallet_owner AS known (wallet_address, party_id) VALUES (%s, %s)
ON CONFLICT (wallet_address) DO UPDATE SET party_id = EXCLUDED.party_id WHERE known.party_id IS NULL
"""
_BALANCES = """
INSERT INTO ledger_balance (account_id, control)
SELECT a.id, a.control FROM ledger_account a WHERE a.id = ANY(%s::uuid[]) ORDER BY a.id
ON CONFLICT (account_id) DO NOTHING
"""
_FIND = """
SELECT a.id, a.asset, a.kind, a.wallet_address
FROM unnest(%s::text[], %s::text[], %s::text[]) AS k (asset, kind, wallet_address)
JOIN ledger_account a ON a.asset = k.asset AND a.kind = k.kind
    AND a.wallet_address IS NOT DISTINCT FROM k.wallet_address
"""


@within_unit_of_work
def ensure_accounts(*, keys: Collection[tuple[str, str, str | None]]) -> dict[AccountKey, UUID]:
    """The account of each (asset, kind, wallet), made with a zero balance where it is missing.

    Wallet addresses are lower case; control accounts have none (SUSPENSE may have one). A wallet's known owner
    becomes the account's party. Raises UnknownAsset for an asset nobody registered.
    """
    wanted = sorted({AccountKey(*key) for key in keys}, key=lambda key: (key.asset, key.kind, key.wallet_address or ""))
    found = _find(wanted)
    if missing := [key for key in wanted if key not in found]:
        _make(missing)
        found = _find(wanted)
    return found


def _find(keys: list[AccountKey]) -> dict[AccountKey, UUID]:
    rows = fetch_all(_FIND, as_columns(keys, 3))
    return {AccountKey(asset, kind, wallet): pk for pk, asset, kind, wallet in rows}


def _make(keys: list[AccountKey]) -> None:
    assets = {key.asset for key in keys}
    known = set(LedgerAsset.objects.filter(code__in=assets).values_list("code", flat=True))
    if unknown := sorted(assets - known):
        raise UnknownAsset(assets=unknown)
    wallets = sorted({key.wallet_address for key in keys if key.wallet_address})
    run_sql(_KNOW_WALLETS, [wallets])
    fetch_all(_LOCK_WALLETS, [wallets])
    rows = [(new_id(), *key) for key in keys]
    run_sql(_INSERT, as_columns(rows, 4))
    run_sql(_BALANCES, [list(_find(keys).values())])


@within_unit_of_work
def assign_owner(*, wallet_address: str, party_id: UUID) -> None:
    """Record whose wallet it is, on its accounts and on those made later.

    Assigning it again to the same party is a no-op. Raises WalletOwned if it is another party's.
    """
    run_sql(_ASSIGN, [wallet_address, party_id])
    owner = LedgerWalletOwner.objects.get(pk=wallet_address)
    if owner.party_id != party_id:
        raise WalletOwned(wallet_address=wallet_address)
    LedgerAccount.objects.filter(wallet_address=wallet_address, party=None).update(party_id=party_id)


def owners_of(wallets: Collection[str]) -> dict[str, UUID | None]:
    """Whose wallets these are; None for one whose owner is not known, and for one that never was here."""
    known = LedgerWalletOwner.objects.filter(pk__in=wallets).values_list("wallet_address", "party_id")
    return dict.fromkeys(wallets) | dict(known)
