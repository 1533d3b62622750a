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
from apps.chain.models.identities import ChainIdentity, RegistryEntry, TokenBinding
from apps.chain.models.intents import Signer, SignerNonce, TxAttempt, TxIntent

__all__ = [
    "Block",
    "Chain",
    "ChainIdentity",
    "ContractAddress",
    "DeadLetter",
    "LateEffect",
    "RawLog",
    "RegistryEntry",
    "Signer",
    "SignerNonce",
    "StreamCursor",
    "TokenBinding",
    "TxAttempt",
    "TxIntent",
    "WatchedContract",
]
