"""Tables of the chain room. Rows about the chain are kept for ever: a reorganisation marks, nothing deletes."""

from apps.chain.models.contracts import ContractAddress
from apps.chain.models.identities import ChainIdentity, RegistryEntry, TokenBinding
from apps.chain.models.intents import Signer, SignerNonce, TxAttempt, TxIntent

__all__ = [
    "ChainIdentity",
    "ContractAddress",
    "RegistryEntry",
    "Signer",
    "SignerNonce",
    "TokenBinding",
    "TxAttempt",
    "TxIntent",
]
