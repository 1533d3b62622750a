"""What we say to contracts, in bytes: calls by fixed layout, contract creation, and the addresses that follow."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import rlp
from django.conf import settings
from eth_abi.abi import encode
from eth_abi.grammar import parse
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak

from apps.chain.errors import UnknownContract

ZERO = "0x" + "00" * 20
MANAGEMENT_PURPOSE, CLAIM_PURPOSE = 1, 3  # ERC-734
ECDSA = 1  # ERC-734 key type, ERC-735 signature scheme
SECURITY_TOKEN, PAYMENT_TOKEN = 1, 2  # IDeliveryVersusPayment.TokenKind


def topic_of(signature: str) -> str:
    """topic0 of an event, e.g. "Transfer(address,address,uint256)"."""
    return "0x" + keccak(text=signature).hex()


def argument_types(signature: str) -> list[str]:
    """The parameter types of "name(type,...)", tuples in parentheses."""
    arguments = signature[signature.index("(") :]
    return [part.to_type_str() for part in parse(arguments).components] if arguments != "()" else []


def _call(signature: str) -> Callable[..., bytes]:
    selector = keccak(text=signature)[:4]
    types = argument_types(signature)

    def encoded(*args: Any) -> bytes:
        return selector + encode(types, args)

    return encoded


@dataclass(frozen=True, slots=True)
class Trade:
    """IDeliveryVersusPayment.Trade: amounts in base units, `deadline` a chain time in seconds."""

    id: bytes
    seller: str
    buyer: str
    security: str
    payment: str
    quantity: int
    amount: int
    deadline: int


_TRADE = "(bytes32,address,address,address,address,uint128,uint128,uint64)"
_settle = _call(f"settle({_TRADE}[])")


def settle(trades: Sequence[Trade]) -> bytes:
    """DeliveryVersusPayment.settle"""
    fields = [(t.id, t.seller, t.buyer, t.security, t.payment, t.quantity, t.amount, t.deadline) for t in trades]
    return _settle(fields)


# Tokens (to, amount).
mint = _call("mint(address,uint256)")
burn = _call("burn(address,uint256)")
approve = _call("approve(address,uint256)")
unpause = _call("unpause()")
pause = _call("pause()")
balance_of = _call("balanceOf(address)")
total_supply = _call("totalSupply()")
paused = _call("paused()")
# Registries: (wallet, identity, ISO 3166-1 numeric), and questions about a wallet.
register_identity = _call("registerIdentity(address,address,uint16)")
is_verified = _call("isVerified(address)")
can_transfer = _call("canTransfer(address,address,uint256)")
# Settlement contract (token, TokenKind).
allow_token = _call("allowToken(address,uint8)")
# Platform.
add_agent = _call("addAgent(address)")
is_agent = _call("isAgent(address)")
init_storage = _call("init()")
transfer_ownership = _call("transferOwnership(address)")
set_trex_factory = _call("setTREXFactory(address)")
set_ia_factory = _call("setIAFactory(address)")
add_token_factory = _call("addTokenFactory(address)")
add_key = _call("addKey(bytes32,uint256,uint256)")
remove_key = _call("removeKey(bytes32,uint256)")
add_claim = _call("addClaim(uint256,uint256,address,bytes,bytes,string)")
add_and_use_trex_version = _call(
    "addAndUseTREXVersion((uint8,uint8,uint8),(address,address,address,address,address,address))"
)
# (wallet, salt, management keys)
create_identity = _call("createIdentityWithManagementKeys(address,string,bytes32[])")
deploy_trex_suite = _call(
    "deployTREXSuite(string,"
    "(address,string,string,uint8,address,address,address[],address[],address[],bytes[]),"
    "(uint256[],address[],uint256[][]))"
)

SUITE_DEPLOYED = topic_of("TREXSuiteDeployed(address,address,address,address,address,address,string)")
WALLET_LINKED = topic_of("WalletLinked(address,address)")
CLAIM_ADDED = topic_of("ClaimAdded(bytes32,uint256,uint256,address,bytes,bytes,string)")
KEY_ADDED = topic_of("KeyAdded(bytes32,uint256,uint256)")
KEY_REMOVED = topic_of("KeyRemoved(bytes32,uint256,uint256)")
IDENTITY_REGISTERED = topic_of("IdentityRegistered(address,address)")
TRANSFER = topic_of("Transfer(address,address,uint256)")
UNPAUSED = topic_of("Unpaused(address)")
AGENT_ADDED = topic_of("AgentAdded(address)")
TOKEN_ALLOWED = topic_of("TokenAllowed(address,uint8)")
OWNERSHIP_TRANSFERRED = topic_of("OwnershipTransferred(address,address)")


def key_of(address: str) -> bytes:
    """ERC-734 key of an address: keccak(abi.encode(address))."""
    return keccak(encode(["address"], [address]))


def claim_digest(identity: str, topic: int, data: bytes) -> bytes:
    """What a claim issuer signs (as EIP-191): keccak(abi.encode(identity, topic, data))."""
    return keccak(encode(["address", "uint256", "bytes"], [identity, topic, data]))


def address_of_topic(topic: str) -> str:
    """The address in an indexed parameter, in lower case."""
    return "0x" + topic[-40:].lower()


def creation_address(creator: str, nonce: int) -> str:
    """Where CREATE puts the contract made by this transaction."""
    return "0x" + keccak(rlp.encode([to_canonical_address(creator), nonce]))[-20:].hex()


@cache
def artifact(name: str) -> dict[str, Any]:
    """A compiled contract, `contracts/build/<name>.json`. Raises UnknownContract where it was not compiled."""
    file = settings.BASE_DIR / "contracts" / "build" / f"{name}.json"
    if not file.exists():
        raise UnknownContract(f"contracts/build/{name}.json is missing: run `make setup`.", contract=name)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def creation(name: str, *args: Any) -> bytes:
    """Creation code of a compiled contract with its constructor's arguments."""
    compiled = artifact(name)
    inputs: list[dict[str, Any]] = next((e["inputs"] for e in compiled["abi"] if e["type"] == "constructor"), [])
    return bytes.fromhex(compiled["bytecode"][2:]) + encode([i["type"] for i in inputs], args)
