"""A security on a real chain, from nothing: issuer, token, and investors whose keys are the test's own."""

from dataclasses import dataclass

from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from apps.accounts.models import Party, User
from apps.accounts.tests.factories import actor_of, make_actor, make_party, make_user
from apps.accounts.types import PartyKind, Role
from apps.chain import calls
from apps.chain.selectors.tokens import binding
from apps.chain.testing import ChainPlatform
from apps.compliance.services.investors import decide_kyc, ensure_profile
from apps.compliance.services.wallets import challenge_wallet, prove_wallet
from apps.compliance.types import KycDecisionDraft, KycStatus
from apps.core import clock
from apps.core.db import unit_of_work
from apps.issuance.services.tokens import order_token
from apps.securities.tests.factories import make_security

ENGINES = ("projector",)
CASH_MINTER = 8
MANY = 10**12


@dataclass
class Investor:
    """A party, its user, and the key of its wallet."""

    party: Party
    user: User
    key: LocalAccount

    @property
    def wallet(self) -> str:
        return str(self.key.address).lower()


class Floor:
    """One live token and as many investors as are onboarded."""

    def __init__(self, platform: ChainPlatform) -> None:
        self.platform = platform
        issuer = make_party(kind=PartyKind.LEGAL)
        self.maker, self.checker = (make_user(party=issuer, role=Role.ISSUER) for _ in range(2))
        self.security = make_security(actor=actor_of(self.maker), active=False)
        self.isin = self.security.isin
        order_token(actor=actor_of(self.maker), isin=self.isin, agents=[], now=clock.now())
        self.seller, self.buyer = (self._onboard(platform.account(index)) for index in (5, 6))
        self.run()

    @property
    def token(self) -> str:
        """The token's address."""
        return binding(self.isin).address

    @property
    def cash(self) -> str:
        """The payment token's address."""
        return self.platform.contracts["payment_token"]

    def run(self) -> None:
        """Let the engines work until nothing is left to do."""
        self.platform.run_until_quiet(*ENGINES)

    def _onboard(self, key: LocalAccount) -> Investor:
        party = make_party()
        user, actor, officer = make_user(party=party), None, make_actor(role=Role.COMPLIANCE)
        actor = actor_of(user)
        with unit_of_work():
            ensure_profile(party_id=party.pk, now=clock.now())
        challenge = challenge_wallet(actor=actor, address=key.address.lower(), now=clock.now())
        signature = key.sign_message(encode_defunct(text=challenge.message)).signature.hex()
        prove_wallet(actor=actor, challenge_id=challenge.challenge_id, signature=signature, now=clock.now())
        decision = KycDecisionDraft(status=KycStatus.APPROVED, reason="documents seen", accredited=True)
        decide_kyc(actor=officer, party_id=party.pk, draft=decision, now=clock.now())
        return Investor(party, user, key)

    def give_cash(self, to: Investor, amount: int) -> None:
        """The cash issuer mints, outside our system."""
        self.platform.send(self.platform.account(CASH_MINTER), self.cash, calls.mint(to.wallet, amount))

    def approve(self, owner: Investor, token: str, amount: int = MANY) -> None:
        """The owner lets the settlement contract move its tokens."""
        self.platform.send(owner.key, token, calls.approve(self.platform.contracts["dvp"], amount))

    def balance(self, token: str, owner: Investor) -> int:
        """What the chain says."""
        return int(self.platform.read(token, calls.balance_of(owner.wallet)))
