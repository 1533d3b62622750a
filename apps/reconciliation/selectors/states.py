"""What our approved transactions made of a token's states, and what all its final events did."""

from collections import defaultdict
from dataclasses import dataclass

from apps.chain.selectors.events import event_views, token_events
from apps.chain.selectors.upgrades import UpgradeView, upgrades
from apps.chain.types.token_events import EventFinality, TokenEventKind, TokenEventView
from apps.reconciliation.classifying.states import CODE, Act, Frozen, Untraced

_KIND = TokenEventKind
FREEZES = (_KIND.TOKENS_FROZEN, _KIND.TOKENS_UNFROZEN, _KIND.WALLET_FROZEN, _KIND.WALLET_UNFROZEN)
PAUSES = (_KIND.PAUSED, _KIND.UNPAUSED)
POWERS = (_KIND.AGENT_ADDED, _KIND.AGENT_REMOVED)


@dataclass(frozen=True, slots=True)
class States:
    """A state as our own transactions left it, as all transactions did, and which was the last to change each.

    `untraced`: acts of agents and owners, and changes of the token's code, that none of our transactions did.
    """

    frozen_by_us: dict[str, Frozen]
    frozen: dict[str, Frozen]
    paused_by_us: bool | None
    paused: bool | None
    acts: dict[str, Act]
    untraced: tuple[Untraced, ...]


def states(*, isin: str, token: str, block: int) -> States:
    """Freezes, pauses, agents and code of a token by its final events up to a block."""
    rows = token_events(isins=[isin], kinds=[*FREEZES, *PAUSES, *POWERS], finality=EventFinality.FINAL)
    found = event_views(rows.filter(block_number__lte=block).order_by("block_number", "log_index"))
    events = [event for event in found if event.token_address == token and event.is_decoded]
    ours = [event for event in events if event.intent_id is not None]
    acts = {_subject(event): Act(event.tx_hash, event.intent_id is not None) for event in events}
    untraced = [_untraced(event) for event in events if event.intent_id is None]
    untraced += [_upgrade(each) for each in upgrades(token, block) if each.intent_id is None]
    return States(_frozen(ours), _frozen(events), _paused(ours), _paused(events), acts, tuple(untraced))


def _subject(event: TokenEventView) -> str:
    if event.event in POWERS:
        return "agent"
    return "paused" if event.event in PAUSES else f"frozen:{event.to_address}"


def _untraced(event: TokenEventView) -> Untraced:
    return Untraced(
        subject=_subject(event),
        event=event.event.value,
        wallet=event.to_address,
        amount=event.amount,
        tx_hash=event.tx_hash,
        block_hash=event.block_hash,
        block_number=event.block_number,
        log_index=event.log_index,
    )


def _upgrade(change: UpgradeView) -> Untraced:
    return Untraced(
        subject=CODE,
        event=change.event,
        wallet=None,
        amount=None,
        tx_hash=change.tx_hash,
        block_hash=change.block_hash,
        block_number=change.block_number,
        log_index=change.log_index,
    )


def _paused(events: list[TokenEventView]) -> bool | None:
    """None where no event says: a token may be made either way."""
    last = [event.event for event in events if event.event in PAUSES]
    return last[-1] == _KIND.PAUSED if last else None


def _frozen(events: list[TokenEventView]) -> dict[str, Frozen]:
    units: dict[str, int] = defaultdict(int)
    whole: dict[str, bool] = {}
    for event in events:
        wallet = event.to_address or ""
        if event.event in (_KIND.TOKENS_FROZEN, _KIND.TOKENS_UNFROZEN):
            units[wallet] += (event.amount or 0) * (1 if event.event == _KIND.TOKENS_FROZEN else -1)
        elif event.event in FREEZES:
            whole[wallet] = event.event == _KIND.WALLET_FROZEN
    found = {wallet: Frozen(units[wallet], whole.get(wallet, False)) for wallet in {*units, *whole}}
    return {wallet: state for wallet, state in found.items() if state != Frozen()}
