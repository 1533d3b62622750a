"""The events that projections read, each a type of its own; fields are named as the type's. Pure.

Sources: ERC-20, ERC-721, ERC-3643 (T-REX 4.1.6), ERC-735 (ONCHAINID 2.2.1), the ERC-1400 family (1410, 1594, 1644)
in the shapes tokens write, and our DeliveryVersusPayment contract.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.chain.codec.abi import Shape
from apps.chain.codec.signatures import Signature, parse
from apps.chain.types import events, security_tokens
from apps.chain.types.events import ChainEvent, GenericEvent

Key = tuple[str, int]


def key_of(signature: Signature) -> Key:
    """(topic0, number of topics): what tells one event from another."""
    return "0x" + signature.hash.hex(), signature.topics


@dataclass(frozen=True, slots=True)
class Layout:
    """An event that is a type of its own."""

    event: Callable[..., ChainEvent]
    shape: Shape
    signature: Signature

    def read(self, topics: Sequence[str], data: str) -> ChainEvent:
        """The event. Raises Undecodable."""
        return self.event(**self.shape.read(topics, data))


@dataclass(frozen=True, slots=True)
class Generic:
    """An event of which we keep no more than its name and fields."""

    name: str
    shape: Shape
    signature: Signature

    def read(self, topics: Sequence[str], data: str) -> GenericEvent:
        """The event. Raises Undecodable."""
        return GenericEvent(self.name, self.shape.read(topics, data))


_CLAIM = (
    "(bytes32 indexed claim_id, uint256 indexed topic, uint256 scheme, address indexed issuer,"
    " bytes signature, bytes data, string uri)"
)
_MOVED_BY_CONTROLLER = (
    "address indexed sender, address indexed recipient, uint256 amount, bytes data, bytes operator_data)"
)
_REDEEMED_BY_CONTROLLER = "address indexed holder, uint256 amount, bytes data, bytes operator_data)"
_ISSUED = "IssuedByPartition(bytes32 indexed partition, "
_REDEEMED = "RedeemedByPartition(bytes32 indexed partition, address indexed operator, address indexed holder, "

_DECLARED: tuple[tuple[Callable[..., ChainEvent], str], ...] = (
    (events.Transfer, "Transfer(address indexed sender, address indexed recipient, uint256 amount)"),
    (events.Erc721Transfer, "Transfer(address indexed sender, address indexed recipient, uint256 indexed token_id)"),
    # DeliveryVersusPayment
    (
        events.TradeSettled,
        "TradeSettled(bytes32 indexed id, address indexed seller, address indexed buyer, address security, uint256 quantity, address payment, uint256 amount)",  # noqa: E501
    ),
    (events.TradeFailed, "TradeFailed(bytes32 indexed id, bytes reason)"),
    # ERC-3643 and ERC-735
    (
        events.TrexSuiteDeployed,
        "TREXSuiteDeployed(address indexed token, address identity_registry, address identity_registry_storage, address trusted_issuers_registry, address claim_topics_registry, address compliance, string indexed salt_hash)",  # noqa: E501
    ),
    (events.ClaimAdded, "ClaimAdded" + _CLAIM),
    (events.ClaimRemoved, "ClaimRemoved" + _CLAIM),
    (events.IdentityRegistered, "IdentityRegistered(address indexed wallet, address indexed identity)"),
    (events.IdentityRemoved, "IdentityRemoved(address indexed wallet, address indexed identity)"),
    (events.AddressFrozen, "AddressFrozen(address indexed wallet, bool indexed frozen, address indexed agent)"),
    (events.TokensFrozen, "TokensFrozen(address indexed wallet, uint256 amount)"),
    (events.TokensUnfrozen, "TokensUnfrozen(address indexed wallet, uint256 amount)"),
    (
        events.RecoverySuccess,
        "RecoverySuccess(address indexed lost_wallet, address indexed new_wallet, address indexed identity)",
    ),
    (events.Paused, "Paused(address account)"),
    (events.Unpaused, "Unpaused(address account)"),
    (events.AgentAdded, "AgentAdded(address indexed agent)"),
    (events.AgentRemoved, "AgentRemoved(address indexed agent)"),
    # ERC-1410: issued and redeemed in all the shapes its drafts and implementations gave them
    (
        security_tokens.TransferByPartition,
        "TransferByPartition(bytes32 indexed partition, address operator, address indexed sender, address indexed recipient, uint256 amount, bytes data, bytes operator_data)",  # noqa: E501
    ),
    (
        security_tokens.IssuedByPartition,
        _ISSUED
        + "address indexed operator, address indexed recipient, uint256 amount, bytes data, bytes operator_data)",
    ),
    (
        security_tokens.IssuedByPartition,
        _ISSUED + "address indexed operator, address indexed recipient, uint256 amount, bytes data)",
    ),
    (
        security_tokens.IssuedByPartition,
        _ISSUED + "address indexed recipient, uint256 amount, bytes data, bytes operator_data)",
    ),
    (security_tokens.IssuedByPartition, _ISSUED + "address indexed recipient, uint256 amount, bytes data)"),
    (security_tokens.RedeemedByPartition, _REDEEMED + "uint256 amount, bytes data, bytes operator_data)"),
    (security_tokens.RedeemedByPartition, _REDEEMED + "uint256 amount, bytes operator_data)"),
    # ERC-1594
    (
        security_tokens.Issued,
        "Issued(address indexed operator, address indexed recipient, uint256 amount, bytes data)",
    ),
    (
        security_tokens.Redeemed,
        "Redeemed(address indexed operator, address indexed holder, uint256 amount, bytes data)",
    ),
    # ERC-1644: the draft does not index the controller, some tokens do
    (security_tokens.ControllerTransfer, "ControllerTransfer(address controller, " + _MOVED_BY_CONTROLLER),
    (security_tokens.ControllerTransfer, "ControllerTransfer(address indexed controller, " + _MOVED_BY_CONTROLLER),
    (security_tokens.ControllerRedemption, "ControllerRedemption(address controller, " + _REDEEMED_BY_CONTROLLER),
    (
        security_tokens.ControllerRedemption,
        "ControllerRedemption(address indexed controller, " + _REDEEMED_BY_CONTROLLER,
    ),
)


def _layout(event: Callable[..., ChainEvent], declared: str) -> tuple[Key, Layout]:
    signature = parse(declared)
    return key_of(signature), Layout(event, Shape.of(signature), signature)


LAYOUTS: dict[Key, Layout] = dict(_layout(event, declared) for event, declared in _DECLARED)
