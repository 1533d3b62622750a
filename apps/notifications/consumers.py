"""Which facts become notices."""

from uuid import UUID

from apps.core import clock
from apps.core.registry import Event
from apps.notifications.services.notify import tell
from apps.notifications.types import Notice, Topic


def on_order_filled(event: Event) -> None:
    """An order was filled, wholly or in part."""
    _tell(event, Topic.ORDER_FILLED, {"party_id"})


def on_settled(event: Event) -> None:
    """Both legs of a trade are final."""
    _tell(event, Topic.SETTLEMENT_COMPLETE, {"buyer_party_id", "seller_party_id"})


def on_settlement_failed(event: Event) -> None:
    """A trade will not settle."""
    _tell(event, Topic.SETTLEMENT_FAILED, {"buyer_party_id", "seller_party_id"})


def on_kyc_approved(event: Event) -> None:
    """An investor's identity was approved."""
    _tell(event, Topic.KYC_APPROVED, {"party_id"})


def _tell(event: Event, topic: Topic, parties: set[str]) -> None:
    tell(
        notice=Notice(
            event_id=event.id,
            topic=topic,
            party_ids=frozenset(UUID(event.payload[name]) for name in parties),
            facts={name: str(value) for name, value in event.payload.items()},
            happened_at=clock.now(),
        )
    )
