"""What the chain and the books make of an approved issuance: consumers of the outbox."""

from datetime import datetime
from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.core import clock, outbox
from apps.core.actor import system_actor
from apps.core.db import within_unit_of_work
from apps.core.registry import Event
from apps.issuance.models import IssuanceRequest
from apps.issuance.services.control import count_issued, give_back
from apps.issuance.types import MINT, IssuanceStatus
from apps.ledger.services.assets import register_asset
from apps.securities.selectors.securities import security
from apps.securities.services.securities import activate_security
from apps.settlement.services.movements import fail_movement

_PREFIX = "issuance:"


@within_unit_of_work
def on_movement_final(event: Event) -> None:
    """The mint is final and in the books: the issuance is complete."""
    if event.key.startswith(_PREFIX):
        complete_issuance(
            issuance_id=UUID(event.key.removeprefix(_PREFIX)), tx_hash=str(event.payload["tx_hash"]), now=clock.now()
        )


@within_unit_of_work
def complete_issuance(*, issuance_id: UUID, tx_hash: str, now: datetime) -> None:
    """Count a submitted issuance as issued and publish "issuance.completed". Done before, it changes nothing."""
    if request := _submitted(pk=issuance_id):
        request.status, request.tx_hash, request.ended_at = IssuanceStatus.COMPLETED, tx_hash, now
        request.save(update_fields=["status", "tx_hash", "ended_at"])
        count_issued(isin=request.isin, quantity=request.quantity)
        _tell("issuance.completed", request)


@within_unit_of_work
def on_intent_failed(event: Event) -> None:
    """The mint came to nothing: the issuance failed, and its quantity is free again."""
    if event.payload.get("kind") == MINT:
        reason = str(event.payload.get("reason") or "UNKNOWN")
        fail_issuance(intent_id=UUID(str(event.payload["intent_id"])), reason=reason, now=clock.now())


@within_unit_of_work
def fail_issuance(*, intent_id: UUID, reason: str, now: datetime) -> None:
    """End a submitted issuance whose intent failed and publish "issuance.failed". Done before, it changes nothing."""
    if request := _submitted(intent_id=intent_id):
        fail_movement(intent_id=intent_id, now=now)
        request.status, request.failure_reason, request.ended_at = IssuanceStatus.FAILED, reason[:200], now
        request.save(update_fields=["status", "failure_reason", "ended_at"])
        give_back(isin=request.isin, quantity=request.quantity)
        _tell("issuance.failed", request)


@within_unit_of_work
def on_token_live(event: Event) -> None:
    """The token can be minted and traded: the security becomes active, and the books count it."""
    found = security(event.key)
    register_asset(found.isin, found.quantity_decimals)
    activate_security(isin=found.isin, now=clock.now())


def _submitted(**which: UUID) -> IssuanceRequest | None:
    waiting = IssuanceRequest.objects.filter(**which, status=IssuanceStatus.SUBMITTED)
    return waiting.select_for_update(of=("self",), no_key=True).first()


def _tell(topic: str, request: IssuanceRequest) -> None:
    """The audit row and the event of an end that nobody asked for by hand."""
    log_audit_event(
        actor=system_actor(),
        action=topic,
        resource_type="issuance",
        resource_id=request.pk,
        before={"status": IssuanceStatus.SUBMITTED.value},
        after={"status": str(request.status), "tx_hash": request.tx_hash, "reason": request.failure_reason},
    )
    payload = {"issuance_id": str(request.pk), "isin": request.isin, "party_id": str(request.party_id)}
    outbox.publish(topic=topic, key=str(request.pk), payload=payload)
