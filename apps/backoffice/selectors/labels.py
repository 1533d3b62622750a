"""What a person calls a row of another room."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from apps.accounts.selectors.members import usernames
from apps.accounts.selectors.parties import party_names
from apps.core.officers.columns import ends_of
from apps.ledger.models import LedgerAccount


def isins(keys: set[str]) -> Mapping[str, str]:
    """An ISIN is its own name."""
    return {key: key for key in keys}


def account_names(ids: set[UUID]) -> Mapping[UUID, str]:
    """Kind, asset and wallet of ledger accounts."""
    rows = LedgerAccount.objects.filter(pk__in=ids).values_list("pk", "kind", "asset_id", "wallet_address")
    return {key: " ".join([kind, asset, ends_of(wallet or "")]).strip() for key, kind, asset, wallet in rows}


LABELS: Mapping[str, Callable[[set[Any]], Mapping[Any, str]]] = {
    "accounts.Party": party_names,
    "accounts.User": usernames,
    "securities.Issuer": party_names,
    "securities.Security": isins,
    "ledger.LedgerAsset": isins,
    "compliance.InvestorProfile": party_names,
    "ledger.LedgerAccount": account_names,
}
