"""Tables of the chain room. Rows about the chain are kept for ever: a reorganisation marks, nothing deletes."""

from apps.chain.models.blocks import (
    Block,
    Chain,
    DeadLetter,
    LateEffect,
    RawLog,
    StreamCursor,
    WatchedContract,
)
from apps.chain.models.contracts import ContractAddress
from apps.chain.models.endpoints import RpcEndpoint
from apps.chain.models.holders import BlockEffect, HolderBalance, Reorganisation, TokenSupply
from apps.chain.models.identities import ChainIdentity, RegistryEntry
from apps.chain.models.intents import Signer, SignerNonce, TxAttempt, TxAttemptOutcome, TxIntent, TxIntentEvent
from apps.chain.models.interventions import Intervention, SignerRelease
from apps.chain.models.limits import SignerUse
from apps.chain.models.tokens import StorageLayout, TokenBinding, TokenCheck

__all__ = [
    "Block",
    "BlockEffect",
    "Chain",
    "ChainIdentity",
    "ContractAddress",
    "DeadLetter",
    "HolderBalance",
    "Intervention",
    "LateEffect",
    "RawLog",
    "RegistryEntry",
    "Reorganisation",
    "RpcEndpoint",
    "Signer",
    "SignerNonce",
    "SignerRelease",
    "SignerUse",
    "StorageLayout",
    "StreamCursor",
    "TokenBinding",
    "TokenCheck",
    "TokenSupply",
    "TxAttempt",
    "TxAttemptOutcome",
    "TxIntent",
    "TxIntentEvent",
    "WatchedContract",
]
