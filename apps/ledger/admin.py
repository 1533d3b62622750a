"""Officers' pages of the books. Amounts are in units of the account's asset."""

from django.contrib import admin

from apps.core.officers import Amount, ReadOnlyAdmin
from apps.ledger.models import (
    LedgerAccount,
    LedgerAsset,
    LedgerBalance,
    LedgerHoldEntry,
    LedgerTransfer,
    LedgerWalletOwner,
)


@admin.register(LedgerAsset)
class LedgerAssetAdmin(ReadOnlyAdmin):
    """What the books count."""

    table = ("code", "decimals", "recorded_at")
    search_fields = ("code",)


@admin.register(LedgerWalletOwner)
class LedgerWalletOwnerAdmin(ReadOnlyAdmin):
    """Whose wallet is whose."""

    table = ("wallet_address", "party", "recorded_at")
    search_fields = ("wallet_address", "party_id")


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    """Accounts with where they stand."""

    table = ("id", "asset", "kind", "party", "wallet_address", "posted", "held", "pending")
    columns = {
        "posted": Amount("balance.posted", "posted", decimals="asset.decimals"),
        "held": Amount("balance.held", "held", decimals="asset.decimals"),
        "pending": Amount("balance.pending", "pending", decimals="asset.decimals"),
    }
    list_select_related = ("asset", "balance")
    list_filter = ("kind",)
    search_fields = ("id", "asset_id", "wallet_address", "party_id")


@admin.register(LedgerBalance)
class LedgerBalanceAdmin(ReadOnlyAdmin):
    """Balances: the fold of transfers and holds."""

    table = ("account", "posted", "held", "pending", "control")
    columns = {
        name: Amount(name, decimals="account.asset.decimals", unit="account.asset_id")
        for name in ("posted", "held", "pending")
    }
    list_select_related = ("account__asset",)
    list_filter = ("control",)
    search_fields = ("account_id", "account__asset_id", "account__wallet_address")


@admin.register(LedgerTransfer)
class LedgerTransferAdmin(ReadOnlyAdmin):
    """What moved, from which account to which."""

    table = ("id", "recorded_at", "kind", "state", "amount", "debit_account", "credit_account", "source_ref")
    columns = {"amount": Amount("amount", decimals="debit_account.asset.decimals", unit="debit_account.asset_id")}
    list_select_related = ("debit_account__asset",)
    list_filter = ("state", "kind")
    search_fields = ("id", "idem_key", "source_ref", "debit_account_id", "credit_account_id")


@admin.register(LedgerHoldEntry)
class LedgerHoldEntryAdmin(ReadOnlyAdmin):
    """Holds placed and released."""

    table = ("id", "recorded_at", "account", "amount", "source_ref")
    columns = {"amount": Amount("amount", decimals="account.asset.decimals", unit="account.asset_id")}
    list_select_related = ("account__asset",)
    search_fields = ("id", "idem_key", "source_ref", "account_id")
