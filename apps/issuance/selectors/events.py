"""What happened to the tokens of securities on chain, as far as the actor may see it."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.chain.selectors.events import event_views, naming, token_events
from apps.chain.types.token_events import EventFinality, TokenEventKind, TokenEventView
from apps.compliance.selectors.wallets import wallets_of
from apps.core.actor import Actor
from apps.issuance.models import IssuanceRequest
from apps.issuance.selectors.issuances import STAFF
from apps.securities.selectors.securities import securities


def events_for(
    actor: Actor,
    *,
    isins: Collection[str] | None = None,
    wallet_address: str | None = None,
    kinds: Collection[TokenEventKind] | None = None,
    finality: EventFinality | None = None,
) -> QuerySet[Any]:
    """What the actor may see, for a page: staff all, an issuer its securities', an investor what names its wallets."""
    if "ISSUER" in actor.roles:
        own = {each.isin for each in securities(actor.require_party())}
        isins = own if isins is None else own.intersection(isins)
    rows = token_events(isins=isins, kinds=kinds, finality=finality)
    if "ISSUER" not in actor.roles and not actor.roles.intersection(STAFF):
        rows = rows.filter(naming([wallet.address for wallet in wallets_of(actor.require_party())]))
    return rows.filter(naming([wallet_address])) if wallet_address else rows


def events_of_transaction(tx_hash: str) -> list[TokenEventView]:
    """All events of securities' tokens in a transaction that are not orphaned, in their order."""
    rows = token_events().filter(tx_hash=tx_hash).order_by("block_number", "log_index", "id")
    return event_views(rows)


def issuances_of(intent_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """By intent, the issuance that it mints, of those that do."""
    found = IssuanceRequest.objects.filter(intent_id__in=intent_ids).values_list("intent_id", "id")
    return {intent_id: pk for intent_id, pk in found if intent_id}
