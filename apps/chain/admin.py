"""Officers' pages of the chain: what we sent, and what the chain said. Signed bytes are counted, never shown."""

from django.contrib import admin

from apps.chain import stream_admin  # noqa: F401 (its pages)
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
    Signer,
    SignerNonce,
    SignerUse,
    StorageLayout,
    TokenBinding,
    TokenCheck,
    TokenSupply,
    TxAttempt,
    TxAttemptOutcome,
    TxIntent,
    TxIntentEvent,
    WatchedContract,
)
from apps.core.officers import ReadOnlyAdmin, ReadOnlyInline


class AttemptsInline(ReadOnlyInline):
    """Every set of signed bytes made for an intent."""

    model = TxAttempt
    table = ("number", "purpose", "hash", "gas_limit", "max_fee", "max_priority_fee", "created_at")


class PassagesInline(ReadOnlyInline):
    """The states an intent came through."""

    model = TxIntentEvent
    table = ("at", "state", "reason", "tx_hash", "block_hash")


@admin.register(TxIntent)
class TxIntentAdmin(ReadOnlyAdmin):
    """What we mean to send."""

    table = ("id", "created_at", "kind", "signer_id", "nonce", "state", "reason", "gas_used", "tx_hash", "business_key")
    list_filter = ("state", "signer")
    search_fields = ("id", "business_key", "tx_hash", "to", "party_id", "kind")
    inlines = (AttemptsInline, PassagesInline)


@admin.register(TxAttempt)
class TxAttemptAdmin(ReadOnlyAdmin):
    """What was signed for an intent."""

    table = ("id", "created_at", "intent", "number", "purpose", "hash", "gas_limit", "max_fee")
    list_filter = ("purpose",)
    search_fields = ("id", "hash", "intent_id")


@admin.register(TxAttemptOutcome)
class TxAttemptOutcomeAdmin(ReadOnlyAdmin):
    """What became of attempts whose intents have ended."""

    table = ("id", "attempt_id", "outcome", "at")
    list_filter = ("outcome",)
    search_fields = ("id", "attempt__hash")


@admin.register(TxIntentEvent)
class TxIntentEventAdmin(ReadOnlyAdmin):
    """Every state an intent came into."""

    table = ("id", "at", "intent_id", "state", "reason", "tx_hash", "block_hash")
    list_filter = ("state",)
    search_fields = ("id", "intent_id", "tx_hash", "block_hash")


@admin.register(Signer)
class SignerAdmin(ReadOnlyAdmin):
    """The keys we send with, by role."""

    table = ("role", "address", "frozen_at", "frozen_reason", "created_at")
    search_fields = ("role", "address")


@admin.register(SignerNonce)
class SignerNonceAdmin(ReadOnlyAdmin):
    """The next nonce of each signer."""

    table = ("signer_id", "next")


@admin.register(SignerUse)
class SignerUseAdmin(ReadOnlyAdmin):
    """What signers have used of their limits since their periods began."""

    table = ("signer_id", "measure", "token", "used", "most", "started_at")
    list_filter = ("measure",)


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
