"""Types other rooms may import."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices


class Topic(TextChoices):
    """What users are told of."""

    ORDER_FILLED = "ORDER_FILLED"
    SETTLEMENT_COMPLETE = "SETTLEMENT_COMPLETE"
    SETTLEMENT_FAILED = "SETTLEMENT_FAILED"
    KYC_APPROVED = "KYC_APPROVED"


class Channel(TextChoices):
    """How they are told."""

    IN_APP = "IN_APP"


@dataclass(frozen=True, slots=True)
class PreferenceView:
    """Whether a user wants a topic on a channel; wanted unless declined."""

    topic: str
    channel: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened, for whom: ids and amounts only, so a template can say it without looking anything up."""

    event_id: int
    topic: Topic
    party_ids: frozenset[UUID]
    facts: dict[str, str]
    happened_at: datetime
