"""Who takes part: the platform's officers, an issuer, and three investors."""

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

from demo.api import Api
from demo.chain import Wallet
from demo.stack import Stack


@dataclass(slots=True)
class Investor:
    """An investor: a login, a party, and a wallet whose key only this program has."""

    name: str
    api: Api
    party_id: str
    wallet: Wallet

    def holding(self, asset: str) -> dict[str, Any]:
        """The books' position in one asset."""
        rows = self.api.get("/api/ledger/positions")["results"]
        none = {"settled": "0", "held": "0", "available": "0"}
        return next((row for row in rows if row["asset"] == asset), none)

    def prove_wallet(self) -> None:
        """Sign the platform's challenge."""
        challenge = self.api.post("/api/dex/wallets/challenge", address=self.wallet.address)
        signature = self.wallet.sign_message(challenge["message"])
        self.api.post("/api/dex/wallets", challenge_id=challenge["challenge_id"], signature=signature)


@dataclass(slots=True)
class Cast:
    """Everybody."""

    ops: Api
    officer: Api
    maker: Api
    checker: Api
    issuer_party: str
    alice: Investor
    bob: Investor
    mallory: Investor

    @property
    def investors(self) -> list[Investor]:
        """All three, the last of whom is refused."""
        return [self.alice, self.bob, self.mallory]


def assemble(stack: Stack) -> Cast:
    """Create parties and users as operations would, and log everybody in."""
    ops, officer = (Api(stack.web, **_login(stack, name)) for name in ("ops", "compliance"))
    issuer = ops.command("/api/accounts/parties", kind="LEGAL", legal_name="Aurora Grid plc", country="DE")["id"]
    maker, checker = (_user(stack, ops, name, issuer, "ISSUER") for name in ("aurora-maker", "aurora-checker"))
    alice, bob, mallory = (_investor(stack, ops, name) for name in ("Alice", "Bob", "Mallory"))
    return Cast(ops, officer, maker, checker, issuer, alice, bob, mallory)


def _login(stack: Stack, name: str) -> dict[str, str]:
    return {key: stack.logins[name][key] for key in ("username", "password")}


def _user(stack: Stack, ops: Api, username: str, party_id: str, role: str) -> Api:
    password = token_urlsafe(24)
    ops.command("/api/accounts/users", username=username, password=password, party_id=party_id, role=role)
    return Api(stack.web, username, password)


def _investor(stack: Stack, ops: Api, name: str) -> Investor:
    party = ops.command("/api/accounts/parties", kind="NATURAL", legal_name=f"{name} Example", country="DE")["id"]
    return Investor(name, _user(stack, ops, name.lower(), party, "INVESTOR"), party, Wallet.new())
