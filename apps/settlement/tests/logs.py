"""Logs and addresses for tests of what logs mean."""

from itertools import count

from apps.chain.types import LogView
from apps.chain.types.events import ZERO_ADDRESS, ChainEvent, TradeFailed, TradeSettled, Transfer

DVP, SHARES, CASH = (f"0x{n:040x}" for n in (0xD, 0x5, 0xC))
ALICE, BOB, CAROL = (f"0x{n:040x}" for n in (0xA11CE, 0xB0B, 0xCA401))
TOKENS = frozenset({SHARES, CASH})
_ids = count(1)


def new_hash() -> str:
    """A hash nothing else has."""
    return f"0x{next(_ids):064x}"


class Block:
    """Logs of one block, numbered as they come."""

    def __init__(self, number: int = 1) -> None:
        self.number, self.hash, self.logs, self.tx_hash = number, new_hash(), list[LogView](), new_hash()

    def next_tx(self) -> str:
        """Begin another chain transaction; its hash."""
        self.tx_hash = new_hash()
        return self.tx_hash

    def emit(self, address: str, event: ChainEvent | None) -> LogView:
        """One log more."""
        index = len(self.logs)
        log = LogView(self.number, self.hash, index, self.tx_hash, 0, address, (), "0x", event)
        self.logs.append(log)
        return log

    def move(self, token: str, sender: str, recipient: str, amount: int) -> LogView:
        """A Transfer."""
        return self.emit(token, Transfer(sender, recipient, amount))

    def mint(self, token: str, recipient: str, amount: int) -> LogView:
        """A Transfer from the zero address."""
        return self.move(token, ZERO_ADDRESS, recipient, amount)

    def settle(
        self, dvp_id: str, seller: str, buyer: str, quantity: int, amount: int
    ) -> tuple[LogView, LogView, LogView]:
        """Both legs and the event, in the contract's order: cash, security, TradeSettled."""
        cash = self.move(CASH, buyer, seller, amount)
        shares = self.move(SHARES, seller, buyer, quantity)
        event = self.emit(DVP, TradeSettled(dvp_id, seller, buyer, SHARES, quantity, CASH, amount))
        return cash, shares, event

    def fail(self, dvp_id: str, reason: str = "0x") -> LogView:
        """A TradeFailed."""
        return self.emit(DVP, TradeFailed(dvp_id, reason))
