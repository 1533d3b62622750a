"""Types other rooms may import."""

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
