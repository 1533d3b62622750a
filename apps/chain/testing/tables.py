"""Which tables two runs are compared by. A new table is a line here; a model of the chain room in no list fails a test.

Compared is every column but the surrogates and our own clock's: what is left comes from the chain, or from what was
asked of us.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A model by its label, and how its rows are named where two databases number them differently.

    `key`: columns that name a row. Its primary key is a surrogate then, as an automatic one always is, and is left
    out; a foreign key to it is compared by these columns. `without`: columns left out besides, and `clock`: instants
    ending in `_at` that are kept, because they are the chain's. `canonical`: the lookup that holds of rows of the
    canonical chain; None of a table that tells what was seen on the way, which an honest run may not have seen.
    `nothing`: columns of which a row with nothing but zeros says no more than no row.
    """

    label: str
    key: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    clock: tuple[str, ...] = ()
    canonical: str | None = ""
    nothing: tuple[str, ...] = ()


# What the chain said: equal in any two runs over the same chain that began at the same block.
STREAM = (
    Table("chain.Chain"),
    Table("chain.Block", key=("hash",), canonical="canonical"),
    Table("chain.RawLog", key=("block", "log_index"), canonical="block__canonical"),
    Table("chain.LateEffect", key=("log",), canonical="log__block__canonical"),
    Table("chain.DeadLetter", key=("block", "log_index"), canonical="block__canonical"),
    Table("chain.WatchedContract", without=("covered_to",)),  # once covered, it tells when that was
    Table("chain.StreamCursor"),
    Table("chain.HolderBalance", key=("token", "wallet"), nothing=("head", "final", "frozen_head", "frozen_final")),
    Table("chain.TokenSupply", nothing=("head", "final")),
    Table("chain.Reorganisation", without=("at",), canonical=None),
)
# What we sent: equal where the same was asked for under the same keys, and mined alike.
SENDING = (
    Table("chain.Signer"),
    Table("chain.SignerNonce"),
    Table("chain.SignerUse", key=("signer_id", "measure", "token")),
    Table("chain.TxIntent", key=("business_key",)),
    Table("chain.TxAttempt", key=("hash",)),
    Table("chain.TxAttemptOutcome", key=("attempt",), without=("at",)),
)
TOKENS = (
    Table("chain.ContractAddress"),
    Table("chain.TokenBinding", key=("isin", "address")),
    Table("chain.ChainIdentity"),
    Table("chain.RegistryEntry", key=("wallet", "isin")),
)
# Tables of the chain room that are never compared, each with its reason.
APART = {
    "chain.Intervention": "what people wanted done, not what was sent",
    "chain.SignerRelease": "what people wanted done, not what was sent",
    "chain.TxIntentEvent": "how an intent came to where it is, which is compared",
    "chain.BlockEffect": "how the head's balances came to be, which are compared",
    "chain.RpcEndpoint": "what the nodes did, not what the chain said",
    "chain.TokenCheck": "what was looked at when, not what the chain said",
    "chain.StorageLayout": "where balances lie as of the block at which somebody asked",
}
CHAIN = (*STREAM, *SENDING, *TOKENS)

# The books over it: equal in a twin of books that already held the parties and what they agreed.
BOOKS = (
    Table("ledger.LedgerAsset"),
    Table("ledger.LedgerWalletOwner"),
    Table("ledger.LedgerAccount", key=("asset_id", "kind", "wallet_address")),
    Table("ledger.LedgerBalance"),
    Table("ledger.LedgerTransfer", key=("idem_key",)),
    Table("ledger.LedgerHoldEntry", key=("idem_key",)),
    Table(
        "settlement.SettlementInstruction",
        key=("trade_ref",),
        without=(
            "dvp_id",
            "open_intent_id",
            "security_debit_account_id",
            "security_credit_account_id",
            "cash_debit_account_id",
            "cash_credit_account_id",
        ),
    ),
    Table("settlement.SettlementStatusEvent", without=("intent_id",)),
    Table("settlement.SettlementAttempt", without=("intent_id",)),
    Table("settlement.ExpectedMovement", key=("ref",), without=("intent_id",)),
    Table("settlement.UnexplainedMovement", key=("block_hash", "log_index")),
    Table("settlement.ProjectionCursor"),
    Table("settlement.ProjectedContract"),
)
DECLARED = {table.label: table for table in (*CHAIN, *BOOKS)}
