"""Positions as callers may see them: an investor's own, all for operations and compliance."""

from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.types import STAFF_ROLES
from apps.core.actor import Actor
from apps.core.errors import InvalidValue, NotFound
from apps.ledger.models import LedgerAccount
from apps.ledger.selectors.balances import positions


def positions_for(
    actor: Actor, *, party_id: UUID | None = None, isin: str | None = None, asset: str | None = None
) -> QuerySet[LedgerAccount]:
    """Rows for a page, to be read with balances.as_position().

    `isin` and `asset` name the same thing, so only one may be given (InvalidValue). Raises NotFound where one
    who is not of the staff names a party other than its own.
    """
    if isin and asset:
        raise InvalidValue("Name the asset once: by isin or by asset.")
    if actor.roles.isdisjoint(STAFF_ROLES):
        if actor.party_id is None or party_id not in {None, actor.party_id}:
            raise NotFound
        party_id = actor.party_id
    return positions(party_id, isin or asset)
