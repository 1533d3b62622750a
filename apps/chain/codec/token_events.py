"""Which event of a token a log claims to be, by its topics alone, so that a query can ask for it. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apps.chain.codec.layouts import LAYOUTS
from apps.chain.types import events, security_tokens
from apps.chain.types.events import ChainEvent
from apps.chain.types.token_events import TokenEventKind

# Of a topic: an address in its 32 bytes, the zero one, or false.
ZERO_WORD = "0x" + "00" * 32


@dataclass(frozen=True, slots=True)
class Rule:
    """`topics` are what topic0 may be; `words` say of later topics, by their places, whether they are zero."""

    topics: frozenset[str]
    words: Mapping[int, bool] = field(default_factory=dict)

    def fits(self, topics: Sequence[str]) -> bool:
        """Whether these are the topics of such an event. One that is not there is not zero."""
        return topics[0] in self.topics and all(
            (at < len(topics) and topics[at] == ZERO_WORD) == is_zero for at, is_zero in self.words.items()
        )


def _named(*types: Callable[..., ChainEvent]) -> frozenset[str]:
    return frozenset(topic for (topic, _), layout in LAYOUTS.items() if layout.event in types)


_TRANSFER = _named(events.Transfer)
_FROZEN = _named(events.AddressFrozen)
_KIND = TokenEventKind

RULES: Mapping[TokenEventKind, Rule] = {
    _KIND.MINT: Rule(_TRANSFER, {1: True}),
    _KIND.BURN: Rule(_TRANSFER, {1: False, 2: True}),
    _KIND.TRANSFER: Rule(_TRANSFER, {1: False, 2: False}),
    _KIND.TOKENS_FROZEN: Rule(_named(events.TokensFrozen)),
    _KIND.TOKENS_UNFROZEN: Rule(_named(events.TokensUnfrozen)),
    _KIND.WALLET_FROZEN: Rule(_FROZEN, {2: False}),
    _KIND.WALLET_UNFROZEN: Rule(_FROZEN, {2: True}),
    _KIND.PAUSED: Rule(_named(events.Paused)),
    _KIND.UNPAUSED: Rule(_named(events.Unpaused)),
    _KIND.RECOVERED: Rule(_named(events.RecoverySuccess)),
    _KIND.AGENT_ADDED: Rule(_named(events.AgentAdded)),
    _KIND.AGENT_REMOVED: Rule(_named(events.AgentRemoved)),
    _KIND.TRANSFERRED_BY_PARTITION: Rule(_named(security_tokens.TransferByPartition)),
    _KIND.ISSUED_BY_PARTITION: Rule(_named(security_tokens.IssuedByPartition)),
    _KIND.REDEEMED_BY_PARTITION: Rule(_named(security_tokens.RedeemedByPartition)),
    _KIND.ISSUED: Rule(_named(security_tokens.Issued)),
    _KIND.REDEEMED: Rule(_named(security_tokens.Redeemed)),
    _KIND.CONTROLLER_TRANSFER: Rule(_named(security_tokens.ControllerTransfer)),
    _KIND.CONTROLLER_REDEMPTION: Rule(_named(security_tokens.ControllerRedemption)),
}
# All else is OTHER.
NAMED = frozenset(topic for rule in RULES.values() for topic in rule.topics)


def kind_of(topics: Sequence[str]) -> TokenEventKind:
    """Which event the topics claim; a log without topics is OTHER."""
    found: Iterable[TokenEventKind] = (kind for kind, rule in RULES.items() if topics and rule.fits(topics))
    return next(iter(found), TokenEventKind.OTHER)


@dataclass(frozen=True, slots=True)
class Told:
    """Whom and what an event concerns; base units."""

    from_address: str | None = None
    to_address: str | None = None
    amount: int | None = None
    partition: str | None = None


def told_by(event: ChainEvent | None) -> Told:  # noqa: C901, PLR0911 (a case each)
    """Addresses, amount and partition of an event; nothing of one that has none of them."""
    match event:
        case events.Transfer():
            return Told(event.sender, event.recipient, event.amount)
        case events.TokensFrozen() | events.TokensUnfrozen():
            return Told(None, event.wallet, event.amount)
        case events.AddressFrozen():
            return Told(None, event.wallet)
        case events.RecoverySuccess():
            return Told(event.lost_wallet, event.new_wallet)
        case events.AgentAdded() | events.AgentRemoved():
            return Told(None, event.agent)
        case security_tokens.TransferByPartition():
            return Told(event.sender, event.recipient, event.amount, event.partition)
        case security_tokens.IssuedByPartition():
            return Told(None, event.recipient, event.amount, event.partition)
        case security_tokens.RedeemedByPartition():
            return Told(event.holder, None, event.amount, event.partition)
        case security_tokens.Issued():
            return Told(None, event.recipient, event.amount)
        case security_tokens.ControllerTransfer():
            return Told(event.sender, event.recipient, event.amount)
        case security_tokens.Redeemed() | security_tokens.ControllerRedemption():
            return Told(event.holder, None, event.amount)
    return Told()
