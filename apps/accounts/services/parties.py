"""Opening parties."""

from datetime import datetime

import pycountry

from apps.accounts.errors import UnknownCountry
from apps.accounts.models import Party
from apps.accounts.selectors.parties import party_view
from apps.accounts.types import PartyView, Role
from apps.audit.services.trail import audit_log
from apps.core.actor import Actor


@audit_log("accounts.party_opened", "party", after=lambda party: {"kind": party.kind, "country": party.country})
def open_party(*, actor: Actor, kind: str, legal_name: str, country: str, now: datetime) -> PartyView:
    """A new party. Raises RoleRequired unless the actor is OPS, UnknownCountry for no ISO 3166-1 alpha-2 code."""
    actor.require_role(Role.OPS)
    if pycountry.countries.get(alpha_2=country) is None or not country.isupper():
        raise UnknownCountry
    party = Party.objects.create(kind=kind, legal_name=legal_name, country=country, created_at=now)
    return party_view(party)
