"""Wallets' identities: the contract, the KYC claim on it, the entry in the token registries.

The registries of all tokens share one storage: a wallet registered through one is known to each.
"""

from datetime import datetime
from uuid import UUID

from apps.chain import calls
from apps.chain.errors import ClaimNotFinal, UnknownToken, WalletTaken
from apps.chain.models import ChainIdentity, RegistryEntry, Signer, TokenBinding, TxIntent
from apps.chain.selectors.contracts import address
from apps.chain.selectors.tokens import identity_view
from apps.chain.services.intents import CHANNEL, submit
from apps.chain.types import (
    CLAIM_FAILED,
    CLAIM_FINAL,
    REGISTRATION_FAILED,
    WALLET_REGISTERED,
    ClaimState,
    ExpectedEvent,
    IdentityView,
    RegistrationState,
    SignerRole,
)
from apps.core import outbox
from apps.core.db import notify, within_unit_of_work

CREATE, REGISTER = "identity.create", "identity.register"


def _locked(wallet_address: str) -> ChainIdentity:
    return ChainIdentity.objects.select_for_update(no_key=True).get(pk=wallet_address)


@within_unit_of_work
def provide_identity(*, party_key: UUID, wallet_address: str, country_numeric: int, now: datetime) -> IdentityView:
    """Have an identity made for the wallet and the KYC claim put on it; asked again, a failed one is tried again.

    Ends in "chain.claim_final" or "chain.claim_failed" (key: wallet address), unless the view already says FINAL.
    `country_numeric` is ISO 3166-1. Raises WalletTaken if the wallet is another party's, UnknownContract before
    the platform is deployed.
    """
    wallet = wallet_address.lower()
    wanted = ChainIdentity(wallet_address=wallet, party_key=party_key, country=country_numeric, created_at=now)
    made = not ChainIdentity.objects.filter(pk=wallet).exists()
    ChainIdentity.objects.bulk_create([wanted], ignore_conflicts=True)
    row = _locked(wallet)
    if row.party_key != party_key:
        raise WalletTaken
    if row.claim_state == ClaimState.FAILED:
        row.attempts, row.reason = row.attempts + 1, ""
        _claim(row) if row.identity else _create(row, now)
    elif made:
        _create(row, now)
    return identity_view(row)


def _create(row: ChainIdentity, now: datetime) -> None:
    row.claim_state = ClaimState.CREATING
    row.save()
    factory = address("id_factory")
    manager = Signer.objects.values_list("address", flat=True).get(pk=SignerRole.MANAGEMENT)
    submit(
        signer=SignerRole.MANAGEMENT,
        to=factory,
        data=calls.create_identity(row.wallet_address, row.wallet_address, [calls.key_of(manager)]),
        kind=CREATE,
        business_key=f"{CREATE}:{row.wallet_address}:{row.attempts}",
        expect=ExpectedEvent(calls.WALLET_LINKED, factory),
        now=now,
    )


@within_unit_of_work
def claim_created(*, wallet_address: str, intent_id: UUID) -> None:
    """Keep the identity its transaction made, and have the claim put on it."""
    row = _locked(wallet_address)
    event = TxIntent.objects.get(pk=intent_id).event
    if row.claim_state != ClaimState.CREATING or event is None:
        return
    row.identity = calls.address_of_topic(event["topics"][2])
    _claim(row)


def _claim(row: ChainIdentity) -> None:
    """Have the claim signed, by the sender: no key is asked in a unit of work."""
    row.claim_state = ClaimState.SIGNING
    row.save()
    notify(CHANNEL)


@within_unit_of_work
def finish_claim(*, wallet_address: str) -> None:
    """The claim is on chain for good."""
    row = _locked(wallet_address)
    if row.claim_state != ClaimState.CLAIMING:
        return
    row.claim_state = ClaimState.FINAL
    row.save()
    payload = {"wallet_address": wallet_address, "party_key": str(row.party_key), "identity": row.identity}
    outbox.publish(topic=CLAIM_FINAL, key=wallet_address, payload=payload)


@within_unit_of_work
def fail_claim(*, wallet_address: str, reason: str) -> None:
    """Identity or claim came to nothing."""
    ChainIdentity.objects.filter(pk=wallet_address).update(claim_state=ClaimState.FAILED, reason=reason)
    outbox.publish(topic=CLAIM_FAILED, key=wallet_address, payload={"wallet_address": wallet_address, "reason": reason})


@within_unit_of_work
def register_wallet(*, wallet_address: str, isin: str, now: datetime) -> IdentityView:
    """Have the token's registry know the wallet; asked again, a failed registration is tried again.

    Ends in "chain.wallet_registered" or "chain.registration_failed" (key: wallet address, payload: isin), always:
    also, at once, where the wallet is known through another token. Raises ClaimNotFinal, and UnknownToken where the
    token is not deployed, or not by us.
    """
    row = ChainIdentity.objects.select_for_update(no_key=True).filter(pk=wallet_address.lower()).first()
    if row is None or row.claim_state != ClaimState.FINAL:
        raise ClaimNotFinal
    ours = TokenBinding.objects.filter(isin=isin, valid_to_block=None, intent__isnull=False)
    binding = ours.filter(identity_registry__isnull=False).first()
    if binding is None:
        raise UnknownToken(isin=isin)
    entry, _ = RegistryEntry.objects.get_or_create(wallet=row, isin=isin, defaults={"created_at": now})
    if entry.state == RegistrationState.FAILED:
        entry.state = RegistrationState.REQUESTED
        entry.save()
    if row.registration_state == RegistrationState.FINAL:
        if entry.state != RegistrationState.FINAL:
            _finish_entries(row)
    elif row.registration_state != RegistrationState.REQUESTED:
        _register(row, str(binding.identity_registry), now)
    return identity_view(row)


def _register(row: ChainIdentity, registry: str, now: datetime) -> None:
    if row.registration_state == RegistrationState.FAILED:
        row.attempts += 1
    row.registration_state = RegistrationState.REQUESTED
    row.save()
    submit(
        signer=SignerRole.AGENT,
        to=registry,
        data=calls.register_identity(row.wallet_address, row.identity, row.country),
        kind=REGISTER,
        business_key=f"{REGISTER}:{row.wallet_address}:{row.attempts}",
        expect=ExpectedEvent(calls.IDENTITY_REGISTERED, registry),
        now=now,
    )


@within_unit_of_work
def finish_registration(*, wallet_address: str) -> None:
    """The wallet is in the storage all tokens share: every registration asked for is done."""
    row = _locked(wallet_address)
    row.registration_state = RegistrationState.FINAL
    row.save()
    _finish_entries(row)


def _finish_entries(row: ChainIdentity) -> None:
    waiting = RegistryEntry.objects.filter(wallet=row, state=RegistrationState.REQUESTED)
    _publish(WALLET_REGISTERED, row, list(waiting.values_list("isin", flat=True)))
    waiting.update(state=RegistrationState.FINAL)


@within_unit_of_work
def fail_registration(*, wallet_address: str, reason: str) -> None:
    """The registration came to nothing."""
    row = _locked(wallet_address)
    row.registration_state, row.reason = RegistrationState.FAILED, reason
    row.save()
    waiting = RegistryEntry.objects.filter(wallet=row, state=RegistrationState.REQUESTED)
    _publish(REGISTRATION_FAILED, row, list(waiting.values_list("isin", flat=True)))
    waiting.update(state=RegistrationState.FAILED)


def _publish(topic: str, row: ChainIdentity, isins: list[str]) -> None:
    outbox.publish_many(
        topic=topic,
        events=[(row.wallet_address, {"wallet_address": row.wallet_address, "isin": isin}) for isin in isins],
    )
