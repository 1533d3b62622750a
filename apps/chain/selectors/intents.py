"""Reads of intents."""

from collections.abc import Iterable
from uuid import UUID

from apps.accounts.types import STAFF_ROLES
from apps.chain.errors import UnknownIntent
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.types import IntentState, IntentView, SignerRole
from apps.core.actor import Actor


def intent(intent_id: UUID) -> IntentView:
    """The intent. Raises UnknownIntent."""
    row = TxIntent.objects.defer("data").filter(pk=intent_id).first()
    if row is None:
        raise UnknownIntent
    return view(row)


def visible_intent(intent_id: UUID, *, actor: Actor) -> IntentView:
    """The intent, if the actor is staff or of the party it is for. Raises UnknownIntent."""
    found = intent(intent_id)
    own = actor.party_id is not None and found.party_id == actor.party_id
    if not own and STAFF_ROLES.isdisjoint(actor.roles):
        raise UnknownIntent
    return found


def states(intent_ids: Iterable[UUID]) -> dict[UUID, IntentState]:
    """The state of each intent that exists."""
    rows = TxIntent.objects.filter(pk__in=list(intent_ids)).values_list("id", "state")
    return {pk: IntentState(state) for pk, state in rows}


def view(row: TxIntent) -> IntentView:
    """The row as other rooms see it."""
    return IntentView(
        id=row.id,
        business_key=row.business_key,
        kind=row.kind,
        signer=SignerRole(row.signer_id),
        nonce=row.nonce,
        to=row.to,
        state=IntentState(row.state),
        reason=row.reason,
        reason_detail=row.reason_detail,
        tx_hash=row.tx_hash,
        block_number=row.block_number,
        block_hash=row.block_hash,
        gas_used=row.gas_used,
        event=row.event,
        party_id=row.party_id,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def of_transactions(tx_hashes: Iterable[str]) -> dict[str, UUID]:
    """The intent each chain transaction was sent for, by hash; known from before it is sent."""
    return dict(TxAttempt.objects.filter(hash__in=list(tx_hashes)).values_list("hash", "intent_id"))
