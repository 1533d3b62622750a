"""An obviously correct matcher, slow on purpose: one list, sorted anew for every order.

It shares no code with apps.dex.matching but the vocabulary of its commands.
"""

from dataclasses import dataclass

from apps.dex.matching import Cancel, Command, NewOrder


@dataclass
class Resting:
    order: NewOrder
    arrival: int
    filled: int

    @property
    def remaining(self) -> int:
        return self.order.quantity - self.filled


class ReferenceMatcher:
    def __init__(self, *, tick: int, lot: int, min_quantity: int, max_quantity: int) -> None:
        self.tick, self.lot = tick, lot
        self.min_quantity, self.max_quantity = min_quantity, max_quantity
        self.resting: list[Resting] = []
        self.seen: list[object] = []

    def apply(self, command: Command) -> tuple[str, list[tuple], dict]:
        """("ACCEPTED" or the code, [(maker, taker, price, quantity)], {order id: (status, filled, canceled)})."""
        if isinstance(command, Cancel):
            return self.cancel(command)
        if command.order_id in self.seen:
            return "DUPLICATE_ID", [], {}
        self.seen.append(command.order_id)
        for code, broken in self.rules(command).items():
            if broken:
                return code, [], {command.order_id: ("REJECTED", 0, 0)}
        return self.enter(command)

    def rules(self, order: NewOrder) -> dict[str, bool]:
        return {
            "INVALID_QUANTITY": order.quantity % self.lot != 0
            or order.quantity < self.min_quantity
            or order.quantity > self.max_quantity,
            "INVALID_PRICE": order.price % self.tick != 0 or order.price <= 0,
        }

    def cancel(self, command: Cancel) -> tuple[str, list[tuple], dict]:
        for resting in self.resting:
            if (resting.order.order_id, resting.order.party_key) == (command.order_id, command.party_key):
                self.resting.remove(resting)
                return "ACCEPTED", [], {command.order_id: ("CANCELED", resting.filled, resting.remaining)}
        return "UNKNOWN_ORDER", [], {}

    def enter(self, order: NewOrder) -> tuple[str, list[tuple], dict]:
        trades: list[tuple] = []
        states: dict = {}
        left, prevented = order.quantity, False
        for maker in self.executable(order):
            if left == 0:
                break
            if maker.order.party_key == order.party_key and order.self_trade_prevention == "NEWEST":
                prevented = True
                break
            quantity = min(left, maker.remaining)
            left -= quantity
            maker.filled += quantity
            trades.append((maker.order.order_id, order.order_id, maker.order.price, quantity))
            states[maker.order.order_id] = ("PARTIAL" if maker.remaining else "FILLED", maker.filled, 0)
        self.resting = [resting for resting in self.resting if resting.remaining]
        done = order.quantity - left
        if left == 0:
            states[order.order_id] = ("FILLED", done, 0)
        elif prevented or order.time_in_force == "IOC":
            states[order.order_id] = ("CANCELED", done, left)
        else:
            states[order.order_id] = ("PARTIAL" if done else "OPEN", done, 0)
            self.resting.append(Resting(order, len(self.seen), done))
        return "ACCEPTED", trades, states

    def executable(self, order: NewOrder) -> list[Resting]:
        """The other side within the limit, best price first, then first come."""
        if order.side == "BUY":
            sells = [r for r in self.resting if r.order.side == "SELL" and r.order.price <= order.price]
            return sorted(sells, key=lambda r: (r.order.price, r.arrival))
        buys = [r for r in self.resting if r.order.side == "BUY" and r.order.price >= order.price]
        return sorted(buys, key=lambda r: (-r.order.price, r.arrival))

    def book(self) -> list[tuple]:
        """(id, party, side, price, quantity, filled, remaining): bids, then asks, by priority."""
        bids = sorted((r for r in self.resting if r.order.side == "BUY"), key=lambda r: (-r.order.price, r.arrival))
        asks = sorted((r for r in self.resting if r.order.side == "SELL"), key=lambda r: (r.order.price, r.arrival))
        return [
            (r.order.order_id, r.order.party_key, r.order.side, r.order.price, r.order.quantity, r.filled, r.remaining)
            for r in bids + asks
        ]
