"""Types other rooms may import."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices

# Plain ASCII in lower case, so that no two usernames look alike.
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")


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


# What is shown for a name whose key was destroyed.
ERASED = "[erased]"
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
