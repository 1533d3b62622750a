"""Securities for tests."""

from dataclasses import replace
from itertools import count
from typing import Any

from stdnum import isin as isins

from apps.accounts.models import Party
from apps.accounts.tests.factories import make_actor, make_party
from apps.accounts.types import PartyKind, Role
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.securities.services.securities import activate_security, create_security
from apps.securities.types import Exemption, SecurityDraft, SecurityView, TermsDraft

_numbers = count(1)
# USDX has 6 decimals: a tick of one cent.
TERMS = TermsDraft(cash_asset="USDX", tick=10_000, lot=1, min_quantity=1, max_quantity=1_000_000)


def make_isin() -> str:
    """A valid ISIN nobody has."""
    stem = f"US{next(_numbers):09d}"
    return stem + isins.calc_check_digit(stem)


def make_draft(*, terms: dict[str, Any] | None = None, **changes: Any) -> SecurityDraft:
    """A draft of whole units with a lot of one and a tick of one cent, but for the changes."""
    draft = SecurityDraft(
        isin=make_isin(),
        name="Example Fund",
        cfi="ESVUFR",
        exemption=Exemption.REG_D_506C,
        quantity_decimals=0,
        authorized_quantity=10_000_000,
        terms=replace(TERMS, **(terms or {})),
    )
    return replace(draft, **changes)


def make_security(
    *,
    issuer: Party | None = None,
    actor: Actor | None = None,
    active: bool = True,
    terms: dict[str, Any] | None = None,
    **changes: Any,
) -> SecurityView:
    """A security of a new issuer (or the one named), ACTIVE unless told otherwise."""
    if actor is None:
        actor = make_actor(role=Role.ISSUER, party=issuer or make_party(kind=PartyKind.LEGAL))
    view = create_security(actor=actor, draft=make_draft(terms=terms, **changes), now=clock.now())
    if not active:
        return view
    with unit_of_work():
        return activate_security(isin=view.isin, now=clock.now())
