"""Proving a wallet: a message to sign (EIP-4361), and the signature's check (EIP-191)."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from eth_utils.address import to_checksum_address

from apps.audit.services.trail import log_audit_event
from apps.chain.selectors.messages import signer_of_text
from apps.compliance.errors import ChallengeExpired, WrongSignature
from apps.compliance.models import Wallet, WalletChallenge
from apps.compliance.selectors.wallets import wallet_view, wallets_of
from apps.compliance.services.identities import advance_identities
from apps.compliance.services.investors import ensure_profile
from apps.compliance.types import ChallengeView, WalletView
from apps.core.actor import Actor
from apps.core.db import fetch_one, unit_of_work
from apps.ledger.services.accounts import assign_owner

MESSAGE = """{domain} wants you to sign in with your Ethereum account:
{address}

I hold the key of this wallet and assign it to my investor account.

URI: https://{domain}/api/dex/wallets
Version: 1
Chain ID: {chain_id}
Nonce: {nonce}
Issued At: {issued_at}
Expiration Time: {expires_at}"""


def challenge_wallet(*, actor: Actor, address: str, now: datetime) -> ChallengeView:
    """A message for the wallet's holder to sign (personal_sign), good for some minutes and one proof."""
    party_id = actor.require_party()
    expires_at = now + timedelta(seconds=settings.SECURITY.authentication.wallet_challenge_seconds)
    message = MESSAGE.format(
        domain=settings.PUBLIC_DOMAIN,
        address=to_checksum_address(address),
        chain_id=settings.CHAIN_ID,
        nonce=secrets.token_hex(16),
        issued_at=_rfc3339(now),
        expires_at=_rfc3339(expires_at),
    )
    with unit_of_work():
        challenge = WalletChallenge.objects.create(
            party_id=party_id, address=address, message=message, created_at=now, expires_at=expires_at
        )
    return ChallengeView(challenge.pk, message, expires_at)


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def prove_wallet(*, actor: Actor, challenge_id: UUID, signature: str, now: datetime) -> WalletView:
    """Assign the challenged wallet to the actor's party, and start its on-chain identity if KYC is approved.

    Proving one's own wallet again changes nothing. Raises ChallengeExpired, WrongSignature, WalletTaken.
    """
    party_id = actor.require_party()
    with unit_of_work():
        address, message = _use_challenge(challenge_id, party_id)
        if _signer(message, signature) != address:
            raise WrongSignature
        if not wallets_of(party_id).filter(address=address).exists():
            _assign(actor, party_id, address, now)
    return wallet_view(wallets_of(party_id).get(address=address))


def _use_challenge(challenge_id: UUID, party_id: UUID) -> tuple[str, str]:
    """Take the challenge once, by the database's clock."""
    row = fetch_one(
        """UPDATE compliance_walletchallenge SET used_at = now()
           WHERE id = %s AND party_id = %s AND used_at IS NULL AND expires_at > now()
           RETURNING address, message""",
        [challenge_id, party_id],
    )
    if row is None:
        raise ChallengeExpired
    return row[0], row[1]


def _signer(message: str, signature: str) -> str:
    try:
        return signer_of_text(message, bytes.fromhex(signature.removeprefix("0x")))
    except ValueError as error:
        raise WrongSignature from error


def _assign(actor: Actor, party_id: UUID, address: str, now: datetime) -> None:
    ensure_profile(party_id=party_id, now=now)
    Wallet.objects.create(address=address, party_id=party_id, proved_at=now)
    assign_owner(wallet_address=address, party_id=party_id)
    log_audit_event(
        actor=actor,
        action="compliance.wallet_proved",
        resource_type="wallet",
        resource_id=address,
        after={"party_id": str(party_id)},
    )
    advance_identities(party_id=party_id, now=now)
