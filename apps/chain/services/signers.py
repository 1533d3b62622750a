"""Signers' rows: who they are, their nonces, and the brake."""

import logging
from datetime import datetime

from apps.chain.errors import SignerUnavailable
from apps.chain.gateway import Node
from apps.chain.models import Signer, SignerNonce
from apps.chain.signers import TransactionSigner, signer_for
from apps.chain.types import SignerRole
from apps.core.alerts import raise_alert, resolve_alert
from apps.core.db import unit_of_work, within_unit_of_work
from apps.core.types import Severity

log = logging.getLogger(__name__)


def register_signers(*, node: Node, now: datetime) -> dict[SignerRole, str]:
    """Write each role's signer with its next nonce as the chain has it, where it is not there yet; their addresses.

    Raises SignerUnavailable where a key is not configured, or is another than the books know.
    """
    signers = {role: signer_for(role) for role in SignerRole}
    known = set(Signer.objects.values_list("role", flat=True))
    missing = [role for role in SignerRole if role.value not in known]
    counts = node.batch([("eth_getTransactionCount", (signers[role].address, "latest")) for role in missing])
    with unit_of_work():
        for role, nonce in zip(missing, counts, strict=True):
            row = Signer.objects.create(role=role, address=signers[role].address, created_at=now)
            SignerNonce.objects.create(signer=row, next=int(nonce, 16))
    for role in SignerRole:
        known_signer(role)
    return {role: signer.address for role, signer in signers.items()}


def known_signer(role: SignerRole) -> TransactionSigner:
    """The role's key, if it is the one the books know. Raises SignerUnavailable."""
    signer = signer_for(role)
    if not Signer.objects.filter(pk=role, address=signer.address).exists():
        raise SignerUnavailable("The configured key is not the one the books know.", signer=role.value)
    return signer


@within_unit_of_work
def freeze_signer(*, role: str, reason: str, nonce: int | None, now: datetime) -> None:
    """Stop sending with this key until a person has looked: the chain shows a transaction of it that is not ours."""
    frozen = Signer.objects.filter(pk=role, frozen_at=None).update(frozen_at=now, frozen_reason=reason)
    if frozen:
        raise_alert(
            dedup_key=f"chain.signers:{role}",
            severity=Severity.CRITICAL,
            summary=f"Signer {role} is frozen: the chain has a transaction of its key that is not ours.",
            now=now,
        )
        log.error("signer frozen", extra={"signer": role, "reason": reason, "nonce": nonce})


@within_unit_of_work
def release_signer(*, role: str, now: datetime) -> None:
    """Send with this key again; its alert is resolved."""
    Signer.objects.filter(pk=role).update(frozen_at=None, frozen_reason="")
    resolve_alert(dedup_key=f"chain.signers:{role}", now=now)
