"""Types other rooms may import."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import TextChoices


class CircuitState(TextChoices):
    """Of a breaker: calls pass, none passes, or one does to find out."""

    CLOSED = "CLOSED", "closed"
    OPEN = "OPEN", "open"
    HALF_OPEN = "HALF_OPEN", "half-open"


class WorkState(TextChoices):
    """Where a piece of work stands."""

    QUEUED = "QUEUED"
    LEASED = "LEASED"
    DONE = "DONE"
    DEAD = "DEAD"


class Severity(TextChoices):
    """How soon a person must act: at once, today, this week, or only know. The order is that of urgency."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wrong now, as an alert would say it. No personal data, no secret: it goes to logs and channels."""

    severity: Severity
    summary: str


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do one piece of work until `until`; the token fences off whoever held it before."""

    work_id: UUID
    token: UUID
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int
    until: datetime
