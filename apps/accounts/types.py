"""Types other rooms may import."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices


class PartyKind(TextChoices):
    """A natural person or a legal one."""

    NATURAL = "NATURAL"
    LEGAL = "LEGAL"


class Role(TextChoices):
    """What a user may do for a party. COMPLIANCE and OPS are roles at the platform's own party."""

    ISSUER = "ISSUER"
    INVESTOR = "INVESTOR"
    COMPLIANCE = "COMPLIANCE"
    OPS = "OPS"


STAFF_ROLES = frozenset({Role.COMPLIANCE.value, Role.OPS.value})
ALL_ROLES = frozenset(Role.values)


@dataclass(frozen=True, slots=True)
class PartyView:
    """A party. `country` is ISO 3166-1 alpha-2."""

    id: UUID
    kind: str
    legal_name: str
    country: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserView:
    """A user in one role at one party."""

    id: UUID
    username: str
    party_id: UUID
    role: str
    rate_tier: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProfileView:
    """Who is logged in: the user, the party they act for, and the roles they hold there."""

    user_id: UUID
    username: str
    party: PartyView
    roles: list[str]
