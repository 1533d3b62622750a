"""A market on the development chain: one ERC-3643 security, development cash and the settlement contract."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from web3.contract import Contract

from .erc3643 import Platform, Suite, deploy_platform
from .node import Chain, Receipt, Revert, decode_revert

TRADE_GAS_LIMIT = 600_000
UNIT = 10**6  # one unit of cash in base units
HOLDING = 1_000  # securities of the seller
PURSE = 1_000_000 * UNIT  # cash of the buyer
NONE, SECURITY, PAYMENT = 0, 1, 2  # TokenKind


class Trade(NamedTuple):
    """IDeliveryVersusPayment.Trade, field by field."""

    id: bytes
    seller: str
    buyer: str
    security: str
    payment: str
    quantity: int
    amount: int
    deadline: int


@dataclass(frozen=True)
class Outcome:
    """What one settle transaction did, by its events."""

    settled: list[bytes]
    failed: dict[bytes, Revert]
    gas_used: int
    receipt: Receipt


@dataclass
class Market:
    """Roles are separate accounts; seller and buyer have given the settlement contract an allowance."""

    chain: Chain
    platform: Platform
    suite: Suite
    cash: Contract
    dvp: Contract
    operator: str
    pauser: str
    minter: str
    attacker: str
    seller: str
    buyer: str
    stranger: str  # wallet without an identity
    _ids: Any = field(default_factory=lambda: count(1))

    @property
    def owner(self) -> str:
        return self.platform.owner

    @property
    def agent(self) -> str:
        return self.platform.agent

    @property
    def security(self) -> Contract:
        return self.suite.token

    def new_id(self) -> bytes:
        """Trade ids in different storage slots, as a random id would be: the dearer case."""
        return (next(self._ids) << 128).to_bytes(32, "big")

    def trade(self, **changes: Any) -> Trade:
        """10 securities from seller to buyer for 1,000.00 of cash, valid for an hour of chain time."""
        trade = Trade(
            id=self.new_id(),
            seller=self.seller,
            buyer=self.buyer,
            security=self.security.address,
            payment=self.cash.address,
            quantity=10,
            amount=1_000 * UNIT,
            deadline=self.chain.now() + 3_600,
        )
        return trade._replace(**changes)

    def settle(self, *trades: Trade, sender: str | None = None, gas: int | None = None) -> Outcome:
        receipt = self.chain.send(self.dvp, "settle", list(trades), sender=sender or self.operator, gas=gas)
        return self.outcome(receipt)

    def outcome(self, receipt: Receipt) -> Outcome:
        settled_topic = self.dvp.events.TradeSettled().topic
        failed = self.dvp.events.TradeFailed()
        done: list[bytes] = []
        reasons: dict[bytes, Revert] = {}
        for log in receipt["logs"]:
            if log["address"].lower() != self.dvp.address.lower():
                continue
            trade_id = bytes.fromhex(log["topics"][1][2:])
            if log["topics"][0] == settled_topic:
                done.append(trade_id)
            elif log["topics"][0] == failed.topic:
                (reason,) = self.chain.w3.codec.decode(["bytes"], bytes.fromhex(log["data"][2:]))
                reasons[trade_id] = decode_revert(reason)
        return Outcome(done, reasons, int(receipt["gasUsed"], 16), receipt)

    def is_settled(self, trade: Trade) -> bool:
        return self.dvp.functions.settled(trade.id).call()

    def balance(self, token: Contract, holder: str) -> int:
        return token.functions.balanceOf(holder).call()

    def books(self) -> tuple[int, int, int, int]:
        """(seller's securities, seller's cash, buyer's securities, buyer's cash)."""
        holders, tokens = (self.seller, self.buyer), (self.security, self.cash)
        a, b, c, d = (self.balance(token, holder) for holder in holders for token in tokens)
        return a, b, c, d

    def list_token(self, kind: int) -> Contract:
        """A hostile token, still honest, listed for one use; seller and buyer hold it and allow it to be moved."""
        token = self.chain.deploy("test/HostileToken", sender=self.owner)
        for holder in (self.seller, self.buyer):
            self.chain.send(token, "mint", holder, PURSE, sender=self.owner)
            self.chain.send(token, "approve", self.dvp.address, PURSE, sender=holder)
        self.chain.send(self.dvp, "allowToken", token.address, kind, sender=self.owner)
        return token


def open_market(chain: Chain) -> Market:
    owner, manager, agent, operator, pauser, minter, attacker, seller, buyer, stranger = chain.accounts[:10]
    platform = deploy_platform(chain, owner=owner, manager=manager, agent=agent)
    suite = platform.deploy_token("BOOK1")
    cash = chain.deploy("PaymentToken", "Development US Dollar", "DUSD", owner, minter, sender=owner)
    dvp = chain.deploy("DeliveryVersusPayment", owner, operator, pauser, TRADE_GAS_LIMIT, sender=owner)
    chain.send(dvp, "allowToken", suite.token.address, SECURITY, sender=owner)
    chain.send(dvp, "allowToken", cash.address, PAYMENT, sender=owner)
    market = Market(chain, platform, suite, cash, dvp, operator, pauser, minter, attacker, seller, buyer, stranger)
    fund(market, [seller], [buyer])
    return market


def fund(market: Market, sellers: list[str], buyers: list[str]) -> None:
    """Onboards all; sellers hold securities, buyers hold cash, each allows exactly what it holds."""
    security, cash, dvp = market.security, market.cash, market.dvp.address
    market.platform.onboard(market.suite, [*sellers, *buyers])
    calls: list[tuple[Contract, str, tuple[Any, ...], str]] = []
    for seller in sellers:
        calls.append((security, "mint", (seller, HOLDING), market.agent))
        calls.append((security, "approve", (dvp, HOLDING), seller))
    for buyer in buyers:
        calls.append((cash, "mint", (buyer, PURSE), market.minter))
        calls.append((cash, "approve", (dvp, PURSE), buyer))
    market.chain.send_all(calls)
