"""What contracts say, decoded. Addresses and hashes are lowercase 0x strings, amounts whole base units."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.chain.types.security_tokens import (
    ControllerRedemption,
    ControllerTransfer,
    Issued,
    IssuedByPartition,
    Redeemed,
    RedeemedByPartition,
    TransferByPartition,
)

# A field: an address, hash or bytes (0x), a string, an amount, a flag, or an array of such.
Scalar = str | int | bool
Value = Scalar | tuple[Scalar, ...]

ZERO_ADDRESS = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Transfer:
    """ERC-20 and ERC-3643. From the zero address it is a mint, to it a burn."""

    sender: str
    recipient: str
    amount: int

    @property
    def is_mint(self) -> bool:
        """New units were made."""
        return self.sender == ZERO_ADDRESS

    @property
    def is_burn(self) -> bool:
        """Units were destroyed."""
        return self.recipient == ZERO_ADDRESS


@dataclass(frozen=True, slots=True)
class Erc721Transfer:
    """ERC-721: one token of an id changed hands. It moves no balance we keep."""

    sender: str
    recipient: str
    token_id: int


@dataclass(frozen=True, slots=True)
class TradeSettled:
    """Our DvP contract exchanged both legs of trade `id` (bytes32)."""

    id: str
    seller: str
    buyer: str
    security: str
    quantity: int
    payment: str
    amount: int


@dataclass(frozen=True, slots=True)
class TradeFailed:
    """Our DvP contract left both legs of trade `id` untouched; `reason` is the revert data (hex)."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class TrexSuiteDeployed:
    """The factory deployed a token and its registries; `salt_hash` is the keccak of its salt."""

    token: str
    identity_registry: str
    identity_registry_storage: str
    trusted_issuers_registry: str
    claim_topics_registry: str
    compliance: str
    salt_hash: str


@dataclass(frozen=True, slots=True)
class ClaimAdded:
    """ERC-735: an identity got a claim. `signature` and `data` are hex."""

    claim_id: str
    topic: int
    scheme: int
    issuer: str
    signature: str
    data: str
    uri: str


@dataclass(frozen=True, slots=True)
class ClaimRemoved:
    """ERC-735: an identity lost a claim."""

    claim_id: str
    topic: int
    scheme: int
    issuer: str
    signature: str
    data: str
    uri: str


@dataclass(frozen=True, slots=True)
class IdentityRegistered:
    """A registry knows `wallet` as belonging to `identity`."""

    wallet: str
    identity: str


@dataclass(frozen=True, slots=True)
class IdentityRemoved:
    """A registry forgot `wallet`."""

    wallet: str
    identity: str


@dataclass(frozen=True, slots=True)
class AddressFrozen:
    """An agent froze or unfroze a wallet as a whole."""

    wallet: str
    frozen: bool
    agent: str


@dataclass(frozen=True, slots=True)
class TokensFrozen:
    """An agent froze a part of a wallet's balance."""

    wallet: str
    amount: int


@dataclass(frozen=True, slots=True)
class TokensUnfrozen:
    """An agent (or a forced transfer) unfroze a part of a wallet's balance."""

    wallet: str
    amount: int


@dataclass(frozen=True, slots=True)
class RecoverySuccess:
    """Everything of `lost_wallet` moved to `new_wallet`."""

    lost_wallet: str
    new_wallet: str
    identity: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Transfers of the contract stopped."""

    account: str


@dataclass(frozen=True, slots=True)
class Unpaused:
    """Transfers of the contract are possible again."""

    account: str


@dataclass(frozen=True, slots=True)
class AgentAdded:
    """An address became agent of a token or registry."""

    agent: str


@dataclass(frozen=True, slots=True)
class AgentRemoved:
    """An address is agent no longer."""

    agent: str


@dataclass(frozen=True, slots=True)
class GenericEvent:
    """An event that no projection reads: its name and fields as its standard names them.

    Of an indexed string, bytes, array or struct the chain keeps, and the field holds, the keccak only.
    """

    name: str
    fields: Mapping[str, Value]


ChainEvent = (
    Transfer
    | Erc721Transfer
    | TransferByPartition
    | IssuedByPartition
    | RedeemedByPartition
    | Issued
    | Redeemed
    | ControllerTransfer
    | ControllerRedemption
    | TradeSettled
    | TradeFailed
    | TrexSuiteDeployed
    | ClaimAdded
    | ClaimRemoved
    | IdentityRegistered
    | IdentityRemoved
    | AddressFrozen
    | TokensFrozen
    | TokensUnfrozen
    | RecoverySuccess
    | Paused
    | Unpaused
    | AgentAdded
    | AgentRemoved
    | GenericEvent
)
