"""Officers' pages of what the chain said; what we send is in sending_admin."""

from django.contrib import admin

from apps.chain import sending_admin, stream_admin  # noqa: F401 (their pages)
from apps.chain.models import (
    Block,
    BlockEffect,
    ChainIdentity,
    ContractAddress,
    HolderBalance,
    LateEffect,
    RawLog,
    RegistryEntry,
    Reorganisation,
    StorageLayout,
    TokenBinding,
    TokenCheck,
    TokenSupply,
    WatchedContract,
)
from apps.core.officers import ReadOnlyAdmin, ReadOnlyInline


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    """Headers, with those a reorganisation left behind."""

    table = ("number", "timestamp", "hash", "canonical", "finality", "parent_hash")
    list_filter = ("finality", "canonical")
    search_fields = ("number", "hash")


@admin.register(RawLog)
class RawLogAdmin(ReadOnlyAdmin):
    """Logs exactly as the node gave them, and what a Transfer moved."""

    table = ("id", "block_number", "log_index", "address", "tx_hash", "effect", "sender", "recipient", "amount")
    search_fields = ("id", "block_number", "address", "tx_hash")


@admin.register(LateEffect)
class LateEffectAdmin(ReadOnlyAdmin):
    """Effects of logs, read by a later codec."""

    table = ("id", "log_id", "effect", "sender", "recipient", "amount")
    search_fields = ("id", "log__id", "sender", "recipient")


@admin.register(HolderBalance)
class HolderBalanceAdmin(ReadOnlyAdmin):
    """Balances as the chain's logs tell them, at the head and at the final block."""

    table = ("id", "token", "wallet", "head", "final", "frozen_head", "frozen_final")
    search_fields = ("id", "token", "wallet")


@admin.register(TokenSupply)
class TokenSupplyAdmin(ReadOnlyAdmin):
    """Supplies as the chain's logs tell them."""

    table = ("token", "head", "final")
    search_fields = ("token",)


@admin.register(BlockEffect)
class BlockEffectAdmin(ReadOnlyAdmin):
    """When a block was added to the balances at the head, and when it was taken back."""

    table = ("id", "block_id", "turn", "at")
    search_fields = ("id", "block__number", "block__hash")


@admin.register(Reorganisation)
class ReorganisationAdmin(ReadOnlyAdmin):
    """Where the stream left blocks for others."""

    table = ("id", "at", "ancestor_number", "tip_number", "ancestor_hash", "tip_hash")
    search_fields = ("id", "ancestor_number", "tip_number", "ancestor_hash", "tip_hash")


@admin.register(WatchedContract)
class WatchedContractAdmin(ReadOnlyAdmin):
    """Contracts whose logs are kept."""

    table = ("address", "kind", "from_block", "covered_to", "covered", "created_at")
    list_filter = ("kind", "covered")
    search_fields = ("address",)


@admin.register(ContractAddress)
class ContractAddressAdmin(ReadOnlyAdmin):
    """The platform's own contracts."""

    table = ("name", "address", "deployed_block", "tx_hash", "created_at")
    search_fields = ("name", "address", "tx_hash")


@admin.register(TokenBinding)
class TokenBindingAdmin(ReadOnlyAdmin):
    """Tokens that represent securities."""

    table = (
        "isin", "symbol", "state", "standard", "folds", "address", "decimals",
        "deploy_block", "valid_to_block", "live_at", "reason",
    )  # fmt: skip
    list_filter = ("state", "standard")
    search_fields = ("isin", "address", "identity_registry", "symbol")


@admin.register(TokenCheck)
class TokenCheckAdmin(ReadOnlyAdmin):
    """Tokens' folds held against their storage."""

    table = ("at", "binding", "block_number", "folds", "holders", "differing", "unread")
    search_fields = ("binding__isin", "binding__address")


@admin.register(StorageLayout)
class StorageLayoutAdmin(ReadOnlyAdmin):
    """Where tokens keep their balances, and since when that is no longer sure."""

    table = ("binding", "state", "from_block", "withdrawn_block", "balances_slot", "supply_slot", "holders", "reason")
    list_filter = ("state",)
    search_fields = ("binding__isin", "binding__address")


class RegistryEntriesInline(ReadOnlyInline):
    """The wallet's standing at each token."""

    model = RegistryEntry
    table = ("isin", "state", "created_at")


@admin.register(ChainIdentity)
class ChainIdentityAdmin(ReadOnlyAdmin):
    """Wallets' identities on the chain."""

    table = ("wallet_address", "party_key", "identity", "claim_state", "registration_state", "attempts", "reason")
    list_filter = ("claim_state", "registration_state")
    search_fields = ("wallet_address", "identity", "party_key")
    inlines = (RegistryEntriesInline,)


@admin.register(RegistryEntry)
class RegistryEntryAdmin(ReadOnlyAdmin):
    """Wallets' standing at tokens."""

    table = ("id", "wallet_id", "isin", "state", "created_at")
    list_filter = ("state",)
    search_fields = ("id", "wallet_id", "isin")
