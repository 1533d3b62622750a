"""KYC claims on identities: signed outside of any unit of work, since the key may be a call away, then submitted."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from apps.chain import calls
from apps.chain.errors import SignerUnavailable
from apps.chain.models import ChainIdentity
from apps.chain.selectors.contracts import address
from apps.chain.services.intents import submit
from apps.chain.services.signers import known_signer
from apps.chain.signers import sign_messages
from apps.chain.types import KYC_TOPIC, ClaimState, ExpectedEvent, SignerRole
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work, within_unit_of_work

log = logging.getLogger(__name__)

CLAIM = "identity.claim"
AT_ONCE = 50


def sign_claims(*, leadership: Leadership, now: datetime) -> int:
    """Sign the claims that wait and submit each in a commit of its own; how many.

    Where the key cannot be had they wait on: nothing else does. Raises Deposed.
    """
    waiting = list(ChainIdentity.objects.filter(claim_state=ClaimState.SIGNING).order_by("created_at")[:AT_ONCE])
    if not waiting:
        return 0
    signed = 0
    for row, signature in zip(waiting, _signatures(waiting), strict=True):
        if isinstance(signature, SignerUnavailable):
            log.warning("claim not signed", extra={**signature.context, "detail": signature.message})
            continue
        with unit_of_work():
            leadership.fence()
            signed += _submit(row, signature, now)
    return signed


def _signatures(rows: Sequence[ChainIdentity]) -> Iterable[bytes | SignerUnavailable]:
    """Nothing about the person goes on chain: a claim says no more than that somebody checked."""
    try:
        signer = known_signer(SignerRole.MANAGEMENT)
    except SignerUnavailable as error:
        return [error] * len(rows)
    digests = [calls.claim_digest(str(row.identity), KYC_TOPIC, _content(row)) for row in rows]
    return sign_messages(signer, digests)


def _content(row: ChainIdentity) -> bytes:
    """Another one each time: a revoked claim is revoked by its signature."""
    return f"kyc:{row.attempts}".encode()


@within_unit_of_work
def _submit(seen: ChainIdentity, signature: bytes, now: datetime) -> bool:
    """Unless the claim was signed, or begun anew, meanwhile."""
    rows = ChainIdentity.objects.select_for_update(no_key=True).filter(claim_state=ClaimState.SIGNING)
    row = rows.filter(pk=seen.pk, identity=seen.identity, attempts=seen.attempts).first()
    if row is None:
        return False
    row.claim_state = ClaimState.CLAIMING
    row.save(update_fields=["claim_state"])
    identity = str(row.identity)
    submit(
        signer=SignerRole.MANAGEMENT,
        to=identity,
        data=calls.add_claim(KYC_TOPIC, calls.ECDSA, address("claim_issuer"), signature, _content(row), ""),
        kind=CLAIM,
        business_key=f"{CLAIM}:{row.wallet_address}:{row.attempts}",
        expect=ExpectedEvent(calls.CLAIM_ADDED, identity),
        now=now,
    )
    return True
