"""An issuer with a live token, and holders who may receive it."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from apps.accounts.models import Party, User
from apps.accounts.tests.factories import actor_of, make_party, make_user
from apps.accounts.types import PartyKind, Role
from apps.chain.models import Signer, SignerNonce, TokenBinding
from apps.chain.types import BindingState, SignerRole
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.issuance.types import IssuanceDraft
from apps.securities.tests.factories import make_security
from apps.securities.types import SecurityView
from apps.settlement.tests.holders import make_eligible

_numbers = count(0xFAC)


def make_address() -> str:
    """An address nobody used before."""
    return f"0x{next(_numbers):040x}"


@dataclass(frozen=True)
class Issue:
    """A security whose token is live, the two people of its issuer, and one eligible holder."""

    security: SecurityView
    maker: User
    checker: User
    holder: Party
    wallet: str

    @property
    def maker_actor(self) -> Actor:
        return actor_of(self.maker)

    @property
    def checker_actor(self) -> Actor:
        return actor_of(self.checker)

    def draft(self, **changes: Any) -> IssuanceDraft:
        """A request of ten for the holder, but for the changes."""
        number = next(_numbers)
        fields = IssuanceDraft(f"request-{number}", self.security.isin, "10", party_id=self.holder.pk)
        return replace(fields, **changes)


def make_issue(*, authorized: int = 1_000, **changes: Any) -> Issue:
    """As the platform leaves it when everything is final on the chain."""
    issuer = make_party(kind=PartyKind.LEGAL)
    maker, checker = (make_user(party=issuer, role=Role.ISSUER) for _ in range(2))
    security = make_security(actor=actor_of(maker), authorized_quantity=authorized, **changes)
    make_live(security.isin, security.quantity_decimals)
    holder, wallet = make_holder(security.isin)
    return Issue(security, maker, checker, holder, wallet)


def make_live(isin: str, decimals: int = 0) -> None:
    """A live token, and the signer that mints it."""
    now = clock.now()
    with unit_of_work():
        TokenBinding.objects.create(
            isin=isin,
            name="Example",
            symbol=isin,
            decimals=decimals,
            state=BindingState.LIVE,
            address=make_address(),
            identity_registry=make_address(),
            deploy_block=1,
            created_at=now,
            live_at=now,
        )
        signer, _ = Signer.objects.get_or_create(
            role=SignerRole.MINTER, defaults={"address": make_address(), "created_at": now}
        )
        SignerNonce.objects.get_or_create(signer=signer, defaults={"next": 0})


def make_holder(isin: str) -> tuple[Party, str]:
    """An accredited investor whose wallet is registered with the token."""
    party, address = make_party(), make_address()
    make_eligible(party, address, isin)
    return party, address
