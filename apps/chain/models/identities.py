"""Wallets' identities."""

from django.db import models
from django.db.models import Q

from apps.chain.models.fields import ADDRESS, address_field, shaped
from apps.chain.types import ClaimState, RegistrationState


class ChainIdentity(models.Model):
    """A wallet's ONCHAINID: the contract, the KYC claim on it, and its entry in the shared registry storage."""

    wallet_address = address_field(primary_key=True)
    party_key = models.UUIDField()
    country = models.PositiveSmallIntegerField()  # ISO 3166-1 numeric
    identity = address_field(null=True, unique=True)
    claim_state = models.CharField(max_length=16, choices=ClaimState.choices, default=ClaimState.CREATING)
    registration_state = models.CharField(
        max_length=16, choices=RegistrationState.choices, default=RegistrationState.NONE
    )
    attempts = models.PositiveSmallIntegerField(default=1)
    reason = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_identity_claim_known", condition=Q(claim_state__in=ClaimState.values)),
            models.CheckConstraint(
                name="chain_identity_registration_known",
                condition=Q(registration_state__in=RegistrationState.values),
            ),
            models.CheckConstraint(
                name="chain_identity_claim_has_contract",
                condition=~Q(claim_state__in=[ClaimState.SIGNING, ClaimState.CLAIMING, ClaimState.FINAL])
                | Q(identity__isnull=False),
            ),
            models.CheckConstraint(name="chain_identity_country", condition=Q(country__gte=1, country__lte=999)),
            shaped("chain_identity_wallet_shape", "wallet_address", ADDRESS),
            shaped("chain_identity_address_shape", "identity", ADDRESS),
        ]


class RegistryEntry(models.Model):
    """A wallet's standing at one token's identity registry."""

    wallet = models.ForeignKey(ChainIdentity, on_delete=models.PROTECT, related_name="entries")
    isin = models.CharField(max_length=12)
    state = models.CharField(max_length=16, choices=RegistrationState.choices, default=RegistrationState.REQUESTED)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet", "isin"], name="chain_registry_entry_once"),
            models.CheckConstraint(
                name="chain_registry_entry_state_known", condition=Q(state__in=RegistrationState.values)
            ),
        ]
