"""A security on a real chain with two holders, as issuance, settlement and the projection leave it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connections
from eth_abi import encode

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_of, make_party, make_user
from apps.accounts.types import PartyKind, Role
from apps.chain import calls
from apps.chain.gateway import Node
from apps.chain.selectors.tokens import binding
from apps.chain.services.identities import provide_identity, register_wallet
from apps.chain.services.tokens import deploy_token
from apps.chain.testing import ChainPlatform
from apps.compliance.testing import eligible_investor
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.ids import new_id
from apps.issuance.services.decisions import approve_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.types import IssuanceDraft
from apps.ledger.selectors.balances import by_wallet
from apps.reconciliation.services.engine import ReconciliationEngine, RunOrder
from apps.reconciliation.types import BreakView, RunDepth, RunView
from apps.securities.tests.factories import make_security

US = 840
AGENT, CASH_ISSUER = 7, 8
BALANCES_SLOT = 102  # of an ERC-3643 token (T-REX 4.1.6)
FULL = RunOrder(RunDepth.FULL)
forced_transfer = calls._call("forcedTransfer(address,address,uint256)")


@dataclass
class Stage:
    """Alice holds 100, Bob 40 of the security, and Bob has 500 units of cash."""

    platform: ChainPlatform
    isin: str = ""
    token: str = ""
    issuer: User = field(init=False)
    officer: User = field(init=False)

    def __post_init__(self) -> None:
        party = make_party(kind=PartyKind.LEGAL)
        self.issuer, self.checker = (make_user(party=party, role=Role.ISSUER) for _ in range(2))
        self.officer = make_user(role=Role.OPS)
        self.isin = make_security(actor=actor_of(self.issuer), active=False).isin
        self.alice, self.bob = (self.platform.account(n).address.lower() for n in (4, 5))
        agent = self.platform.account(AGENT).address
        with unit_of_work():
            deploy_token(isin=self.isin, name="Example", symbol="EXM", decimals=0, agents=[agent], now=clock.now())
            for wallet in (self.alice, self.bob):
                self._identity(wallet)
        self.settle_down()
        self.token = binding(self.isin).address
        self._issue({self.alice: 100, self.bob: 40})
        self.pay(self.bob, 500)
        self.settle_down()

    def _identity(self, wallet: str) -> None:
        party_id = eligible_investor(self.isin, wallet=wallet).memberships.get().party_id
        provide_identity(party_key=party_id, wallet_address=wallet, country_numeric=US, now=clock.now())

    def _issue(self, holders: dict[str, int]) -> None:
        with unit_of_work():
            for wallet in holders:
                register_wallet(wallet_address=wallet, isin=self.isin, now=clock.now())
        self.settle_down()
        for wallet, quantity in holders.items():
            draft = IssuanceDraft(f"issue-{wallet}", self.isin, str(quantity), wallet_address=wallet)
            asked = request_issuance(actor=actor_of(self.issuer), draft=draft, now=clock.now())
            approve_issuance(actor=actor_of(self.checker), issuance_id=asked.id, now=clock.now())

    def settle_down(self) -> None:
        """Run everything until all that happened is final and in the books."""
        self.platform.run_until_quiet("projector")

    def settle_until_given_up(self) -> None:
        """Let the settler try as often as it does, and all come to rest after each try."""
        for minutes in (0, 5, 10, 20, 40):
            self.platform.step("settler", later=timedelta(minutes=minutes))
            self.settle_down()

    def books(self) -> tuple[dict[str, int], dict[str, int]]:
        """Units of the security and of cash by wallet, as they are booked."""
        return by_wallet(self.isin), by_wallet("USDX")

    def pay(self, wallet: str, units: int) -> None:
        """The cash issuer mints to a wallet."""
        cash = self.platform.contracts["payment_token"]
        self.platform.send(self.platform.account(CASH_ISSUER), cash, calls.mint(wallet, units))

    def agent(self, data: bytes) -> str:
        """The issuer's agent calls the token past our system; the chain transaction."""
        return str(self.platform.send(self.platform.account(AGENT), self.token, data)["transactionHash"])

    def force(self, sender: str, recipient: str, units: int) -> str:
        """The agent moves somebody's units; the chain transaction, final and projected."""
        tx_hash = self.agent(forced_transfer(sender, recipient, units))
        self.settle_down()
        return tx_hash

    def admit_stranger(self) -> str:
        """A wallet the token's registry knows and compliance does not."""
        stranger = str(self.platform.account(6).address.lower())
        with unit_of_work():
            provide_identity(party_key=new_id(), wallet_address=stranger, country_numeric=US, now=clock.now())
        self.settle_down()
        with unit_of_work():
            register_wallet(wallet_address=stranger, isin=self.isin, now=clock.now())
        self.settle_down()
        return stranger

    def set_stored_balance(self, wallet: str, units: int) -> None:
        """Change the token's storage without an event, and let it become final."""
        slot = calls.keccak(encode(["address", "uint256"], [wallet, BALANCES_SLOT]))
        self.platform.node.call("anvil_setStorageAt", self.token, "0x" + slot.hex(), f"0x{units:064x}")
        self.platform.finalize()
        self.settle_down()

    def run(self, *nodes: Node, order: RunOrder = FULL) -> RunView:
        """Reconcile as the officer, every wallet asked for if nothing else is said."""
        asked = nodes or (self.platform.node,)
        engine = ReconciliationEngine(asked)
        return engine.reconcile(isin=self.isin, actor=actor_of(self.officer), now=clock.now(), order=order)


def as_owner(statement: str, params: list[Any]) -> None:
    """Change the database with the owner's rights, past the application."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, params)


def kinds(run: RunView) -> list[str]:
    """Kinds of a run's breaks, in order."""
    return [found.kind for found in run.breaks]


def of_kind(run: RunView, kind: str, wallet: str | None = None) -> BreakView:
    """The one break of this kind (and wallet)."""
    (found,) = [b for b in run.breaks if b.kind == kind and wallet in {None, b.wallet_address}]
    return found
