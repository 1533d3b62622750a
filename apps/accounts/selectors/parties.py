"""Reading parties."""

from uuid import UUID

from apps.accounts.errors import UnknownParty
from apps.accounts.models import Party
from apps.accounts.types import PartyView


def party(party_id: UUID) -> PartyView:
    """The party. Raises UnknownParty."""
    found = Party.objects.filter(pk=party_id).first()
    if found is None:
        raise UnknownParty
    return party_view(found)


def parties(party_ids: set[UUID]) -> dict[UUID, PartyView]:
    """Those of the parties that exist, by id, in one query."""
    return {found.pk: party_view(found) for found in Party.objects.filter(pk__in=party_ids)}


def party_view(found: Party) -> PartyView:
    """The row as other rooms see it."""
    return PartyView(found.pk, found.kind, found.legal_name, found.country, found.created_at)
