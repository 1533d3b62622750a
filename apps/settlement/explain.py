"""What the logs of final blocks mean to the books: the pure core of the projection. No database."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.chain.types.blocks import LogView
from apps.chain.types.events import RecoverySuccess, TradeFailed, TradeSettled, Transfer


@dataclass(frozen=True, slots=True)
class Settled:
    """A trade settled: what the contract says, and the two transfers that were its legs."""

    log: LogView
    trade: TradeSettled
    security_leg: LogView
    cash_leg: LogView


@dataclass(frozen=True, slots=True)
class Failed:
    """A trade of a settlement call did not settle; `reason` is its revert data in hex."""

    log: LogView
    dvp_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A transfer that is no leg of a trade."""

    log: LogView
    transfer: Transfer

    @classmethod
    def of(cls, leg: LogView) -> "Moved":
        """The leg of a trade that is not ours, taken by itself."""
        if leg.transfer is None:
            raise TypeError("a leg is a transfer")
        return cls(leg, leg.transfer)


@dataclass(frozen=True, slots=True)
class Recovered:
    """A token says that everything of a lost wallet is the new one's."""

    log: LogView
    lost: str
    new: str


@dataclass(slots=True)
class Meaning:
    """All that some blocks mean, each list in chain order."""

    settled: list[Settled] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    recovered: list[Recovered] = field(default_factory=list)
    # Trades reported as settled without both legs before them: never taken for settled.
    one_legged: list[TradeSettled] = field(default_factory=list)


def explain(logs: Iterable[LogView], *, settlement_contract: str, tokens: frozenset[str]) -> Meaning:
    """Pair each TradeSettled of our contract with its two legs; whatever transfer is left over moved by itself.

    `logs` are in chain order; addresses in lower case. A leg is the nearest transfer before the event, in the same
    chain transaction, of the same token, parties and amount, that is not another trade's leg.
    """
    meaning, loose = Meaning(), dict[tuple[str, int], Moved]()
    for log in logs:
        event = log.event
        if log.address in tokens and (transfer := log.transfer):
            loose[_key(log)] = Moved(log, transfer)
        elif log.address in tokens and isinstance(event, RecoverySuccess):
            meaning.recovered.append(Recovered(log, event.lost_wallet, event.new_wallet))
        elif log.address != settlement_contract:
            continue
        elif isinstance(event, TradeSettled):
            _pair(log, event, loose, meaning)
        elif isinstance(event, TradeFailed):
            meaning.failed.append(Failed(log, event.id, event.reason))
    meaning.moved = list(loose.values())
    return meaning


def _key(log: LogView) -> tuple[str, int]:
    return log.block_hash, log.log_index


def _pair(log: LogView, trade: TradeSettled, loose: dict[tuple[str, int], Moved], meaning: Meaning) -> None:
    security = _leg(loose, log.tx_hash, trade.security, Transfer(trade.seller, trade.buyer, trade.quantity))
    cash = _leg(loose, log.tx_hash, trade.payment, Transfer(trade.buyer, trade.seller, trade.amount))
    if security is None or cash is None:
        meaning.one_legged.append(trade)
        return
    del loose[_key(security)], loose[_key(cash)]
    meaning.settled.append(Settled(log, trade, security, cash))


def _leg(loose: dict[tuple[str, int], Moved], tx_hash: str, token: str, transfer: Transfer) -> LogView | None:
    for moved in reversed(loose.values()):
        if moved.log.tx_hash != tx_hash:
            return None
        if moved.log.address == token and moved.transfer == transfer:
            return moved.log
    return None
