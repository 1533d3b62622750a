"""Signers that have too little ether, by the open alerts: the sender asks a node, nobody else needs to."""

from apps.chain.types import SignerRole
from apps.core.models import Alert

SOURCE = "chain.funds"


def funds_key(role: str) -> str:
    """The alert of a signer that has too little ether."""
    return f"{SOURCE}:{role}"


def low_on_ether() -> frozenset[str]:
    """Roles of the signers that had too little when a node last said."""
    roles = {funds_key(role): role for role in SignerRole.values}
    open_ = Alert.objects.filter(dedup_key__in=roles, resolved_at=None).values_list("dedup_key", flat=True)
    return frozenset(roles[key] for key in open_)
