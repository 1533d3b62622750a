"""Logs decoded by fixed layout: about two hundred times faster than a general decoder.

Pure: no Django. A topic we do not know is no event (None). A known topic with another shape (an ERC-721 Transfer has
four topics) is Undecodable: never guessed, never dropped. Layouts: ERC-20, ERC-3643 (T-REX 4.1.6), ERC-735, and our
DeliveryVersusPayment contract.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.chain.types import events

WORD = 64  # hex digits
ADDRESS_PAD = "0" * 24
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"

Read = Callable[[str, int], Any]


class Undecodable(ValueError):
    """A log with a known topic whose words do not fit the event."""


def decode(topics: Sequence[str], data: str) -> events.ChainEvent | None:
    """The event a log tells, None if its first topic is unknown. Raises Undecodable."""
    if not topics:
        return None
    if topics[0] == TRANSFER:
        return decode_transfer(topics, data)
    layout = LAYOUTS.get(topics[0])
    return layout.read(topics, data) if layout else None


def decode_transfer(topics: Sequence[str], data: str) -> events.Transfer:
    """The hot path: Transfer(address indexed, address indexed, uint256). Raises Undecodable."""
    if len(topics) != 3 or len(data) != WORD + 2:
        raise Undecodable(f"Transfer with {len(topics)} topics and {len(data) // 2 - 1} bytes of data")
    sender, recipient = topics[1], topics[2]
    if sender[2:26] != ADDRESS_PAD or recipient[2:26] != ADDRESS_PAD:
        raise Undecodable("an address with more than 20 bytes")
    return events.Transfer("0x" + sender[26:], "0x" + recipient[26:], int(data, 16))


def _uint(words: str, at: int) -> int:
    return int(words[at : at + WORD], 16)


def _address(words: str, at: int) -> str:
    word = words[at : at + WORD]
    if word[:24] != ADDRESS_PAD:
        raise Undecodable("an address with more than 20 bytes")
    return "0x" + word[24:]


def _bool(words: str, at: int) -> bool:
    value = _uint(words, at)
    if value > 1:
        raise Undecodable("a bool that is neither 0 nor 1")
    return value == 1


def _bytes32(words: str, at: int) -> str:
    return "0x" + words[at : at + WORD]


def _bytes(words: str, at: int) -> str:
    """A dynamic value: its head word is the offset of a length and the bytes, counted from the data's start."""
    start = _uint(words, at) * 2
    if start + WORD > len(words):
        raise Undecodable("a dynamic value that starts past the end of the data")
    length = _uint(words, start) * 2
    if start + WORD + length > len(words):
        raise Undecodable("a dynamic value that ends past the end of the data")
    return "0x" + words[start + WORD : start + WORD + length]


def _string(words: str, at: int) -> str:
    try:
        return bytes.fromhex(_bytes(words, at)[2:]).decode()
    except UnicodeDecodeError as error:
        raise Undecodable("a string that is not UTF-8") from error


DYNAMIC = frozenset({_bytes, _string})


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an event's fields stand: `topics` are the indexed ones, `data` the rest."""

    event: Callable[..., events.ChainEvent]
    topics: tuple[tuple[str, Read], ...]
    data: tuple[tuple[str, Read], ...] = ()

    def read(self, topics: Sequence[str], data: str) -> events.ChainEvent:
        """The event. Raises Undecodable."""
        words = data[2:]
        self._require_shape(topics, words)
        fields = {name: read(topic[2:], 0) for (name, read), topic in zip(self.topics, topics[1:], strict=True)}
        fields |= {name: read(words, index * WORD) for index, (name, read) in enumerate(self.data)}
        return self.event(**fields)

    def _require_shape(self, topics: Sequence[str], words: str) -> None:
        """Static events have exactly their words; dynamic ones at least their heads."""
        heads = len(self.data) * WORD
        exact = DYNAMIC.isdisjoint(read for _, read in self.data)
        fits = len(words) == heads if exact else len(words) >= heads
        if len(topics) != len(self.topics) + 1 or not fits:
            raise Undecodable(f"{len(topics)} topics and {len(words) // 2} bytes of data do not fit the event")


CLAIM_TOPICS = (("claim_id", _bytes32), ("topic", _uint), ("issuer", _address))
CLAIM_DATA = (("scheme", _uint), ("signature", _bytes), ("data", _bytes), ("uri", _string))
IDENTITY = (("wallet", _address), ("identity", _address))

LAYOUTS: dict[str, Layout] = {
    # TradeSettled(bytes32 indexed, address indexed, address indexed, address, uint256, address, uint256)
    "0x8f6010cc366b15d3ce4bc4cfcd207475edc8d906f58351806ff3767158c3d14f": Layout(
        events.TradeSettled,
        (("id", _bytes32), ("seller", _address), ("buyer", _address)),
        (("security", _address), ("quantity", _uint), ("payment", _address), ("amount", _uint)),
    ),
    # TradeFailed(bytes32 indexed, bytes)
    "0x86f1d297226b75dfbe84dcc3786217dd0ba1a86dc624f212a4c7d41e448a6c4c": Layout(
        events.TradeFailed, (("id", _bytes32),), (("reason", _bytes),)
    ),
    # TREXSuiteDeployed(address indexed, address, address, address, address, address, string indexed)
    "0x057adae5fa3e9caa8a0d584edff60f61558d33f073412ec2d66d558b739e0a41": Layout(
        events.TrexSuiteDeployed,
        (("token", _address), ("salt_hash", _bytes32)),
        (
            ("identity_registry", _address),
            ("identity_registry_storage", _address),
            ("trusted_issuers_registry", _address),
            ("claim_topics_registry", _address),
            ("compliance", _address),
        ),
    ),
    # ClaimAdded and ClaimRemoved(bytes32 indexed, uint256 indexed, uint256, address indexed, bytes, bytes, string)
    "0x46149b18aa084502c3f12bc75e19eda8bda8d102b82cce8474677a6d0d5f43c5": Layout(
        events.ClaimAdded, CLAIM_TOPICS, CLAIM_DATA
    ),
    "0x3cf57863a89432c61c4a27073c6ee39e8a764bff5a05aebfbcdcdc80b2e6130a": Layout(
        events.ClaimRemoved, CLAIM_TOPICS, CLAIM_DATA
    ),
    # IdentityRegistered, IdentityRemoved(address indexed, address indexed)
    "0x6ae73635c50d24a45af6fbd5e016ac4bed179addbc8bf24e04ff0fcc6d33af19": Layout(events.IdentityRegistered, IDENTITY),
    "0x59d6590e225b81befe259af056324092801080acbb7feab310eb34678871f327": Layout(events.IdentityRemoved, IDENTITY),
    # AddressFrozen(address indexed, bool indexed, address indexed)
    "0x7fa523c84ab8d7fc5b72f08b9e46dbbf10c39e119a075b3e317002d14bc9f436": Layout(
        events.AddressFrozen, (("wallet", _address), ("frozen", _bool), ("agent", _address))
    ),
    # TokensFrozen, TokensUnfrozen(address indexed, uint256)
    "0xa065e63c631c86f1b9f66a4a2f63f2093bf1c2168d23290259dbd969e0222a45": Layout(
        events.TokensFrozen, (("wallet", _address),), (("amount", _uint),)
    ),
    "0x9bed35cb62ad0dba04f9d5bfee4b5bc91443e77da8a65c4c84834c51bb08b0d6": Layout(
        events.TokensUnfrozen, (("wallet", _address),), (("amount", _uint),)
    ),
    # RecoverySuccess(address indexed, address indexed, address indexed)
    "0xf0c9129a94f30f1caaceb63e44b9811d0a3edf1d6c23757f346093af5553fed0": Layout(
        events.RecoverySuccess, (("lost_wallet", _address), ("new_wallet", _address), ("identity", _address))
    ),
    # Paused and Unpaused, whose address is not indexed
    "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258": Layout(
        events.Paused, (), (("account", _address),)
    ),
    "0x5db9ee0a495bf2e6ff9c91a7834c1ba4fdd244a5e8aa4e537bd38aeae4b073aa": Layout(
        events.Unpaused, (), (("account", _address),)
    ),
    # AgentAdded, AgentRemoved(address indexed)
    "0xf68e73cec97f2d70aa641fb26e87a4383686e2efacb648f2165aeb02ac562ec5": Layout(
        events.AgentAdded, (("agent", _address),)
    ),
    "0xed9c8ad8d5a0a66898ea49d2956929c93ae2e8bd50281b2ed897c5d1a6737e0b": Layout(
        events.AgentRemoved, (("agent", _address),)
    ),
}
