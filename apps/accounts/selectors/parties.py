"""Reading parties."""

from contextlib import suppress
from uuid import UUID

from apps.accounts.errors import UnknownParty
from apps.accounts.models import Party
from apps.accounts.types import ERASED, PartyView
from apps.vault.errors import KeyUnavailable, SubjectErased, Unreadable


def party(party_id: UUID) -> PartyView:
    """The party. Raises UnknownParty."""
    found = Party.objects.filter(pk=party_id).first()
    if found is None:
        raise UnknownParty
    return party_view(found)


def party_exists(party_id: UUID) -> bool:
    """Whether there is such a party."""
    return Party.objects.filter(pk=party_id).exists()


def party_names(party_ids: set[UUID]) -> dict[UUID, str]:
    """The legal names of those parties that exist and whose name can be read now, in one query."""
    names = {}
    for found in Party.objects.filter(pk__in=party_ids).only("legal_name"):
        with suppress(KeyUnavailable, Unreadable):
            names[found.pk] = name_of(found)
    return names


def party_view(found: Party) -> PartyView:
    """The row as other rooms see it."""
    return PartyView(found.pk, found.kind, name_of(found), found.country, found.created_at)


def country_of(party_id: UUID) -> str:
    """The party's country alone, which needs no key. Raises UnknownParty."""
    country = Party.objects.filter(pk=party_id).values_list("country", flat=True).first()
    if country is None:
        raise UnknownParty
    return country


def name_of(found: Party) -> str:
    """The legal name, or what stands in its place once the party's data has been erased. Raises KeyUnavailable."""
    try:
        return found.legal_name
    except SubjectErased:
        return ERASED
