"""Investors, their wallets, and the decisions made about them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.compliance.errors import WalletTaken
from apps.compliance.types import Action, ClaimStatus, KycStatus, RegistrationStatus
from apps.core.db import AppendOnlyModel, constraint_error
from apps.core.ids import new_id
from apps.vault.fields import EncryptedTextField, SealedQuerySet

ADDRESS = r"^0x[0-9a-f]{40}$"

constraint_error("wallet_address_once", WalletTaken)


class InvestorProfile(models.Model):
    """A party as an investor: the present outcome of its KYC decisions."""

    party = models.OneToOneField("accounts.Party", on_delete=models.PROTECT, primary_key=True, related_name="+")
    kyc_status = models.CharField(max_length=16, choices=KycStatus.choices, default=KycStatus.PENDING)
    kyc_decided_at = models.DateTimeField(null=True)
    kyc_expires_at = models.DateTimeField(null=True)
    accredited = models.BooleanField(default=False)
    accreditation_claimed = models.BooleanField(default=False)
    # ISO 3166-1 alpha-2, as the investor declares it.
    tax_residence = models.CharField(max_length=2, null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="investor_kyc_known", condition=Q(kyc_status__in=KycStatus.values)),
            models.CheckConstraint(
                name="investor_kyc_decided",
                condition=Q(kyc_status=KycStatus.PENDING) | Q(kyc_decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="investor_approval_expires",
                condition=~Q(kyc_status=KycStatus.APPROVED) | Q(kyc_expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="investor_accredited_when_approved",
                condition=Q(accredited=False) | Q(kyc_status__in=[KycStatus.APPROVED, KycStatus.EXPIRED]),
            ),
            models.CheckConstraint(
                name="investor_residence_alpha2",
                condition=Q(tax_residence=None) | Q(tax_residence__regex=r"^[A-Z]{2}$"),
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "party"], name="investor_by_time"),
            models.Index(fields=["kyc_status", "created_at", "party"], name="investor_by_kyc"),
        ]


class KycDecision(AppendOnlyModel):
    """One officer's decision. Every approval, rejection and renewal is kept."""

    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=KycStatus.choices)
    accredited = models.BooleanField()
    # An officer's own words about the party.
    reason = EncryptedTextField(max_length=500, blank=True, subject="party_id")
    decided_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["KycDecision"]] = SealedQuerySet["KycDecision"].as_manager()


class Wallet(models.Model):
    """An EVM address whose key a party has proved to hold."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    address = models.CharField(max_length=42)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+", db_index=False)
    claim_status = models.CharField(max_length=16, choices=ClaimStatus.choices, default=ClaimStatus.NONE)
    proved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["address"], name="wallet_address_once"),
            models.CheckConstraint(name="wallet_address_form", condition=Q(address__regex=ADDRESS)),
            models.CheckConstraint(name="wallet_claim_known", condition=Q(claim_status__in=ClaimStatus.values)),
        ]
        indexes = [models.Index(fields=["party", "proved_at", "id"], name="wallet_of_party")]


class WalletRegistration(models.Model):
    """A wallet's entry in one token's identity registry."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="registrations")
    isin = models.CharField(max_length=12)
    status = models.CharField(max_length=16, choices=RegistrationStatus.choices, default=RegistrationStatus.REQUESTED)
    requested_at = models.DateTimeField()
    registered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["wallet", "isin"], name="wallet_registered_once")]


class WalletChallenge(models.Model):
    """A message to sign; good for one proof, until it expires by the database's clock."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=42)
    message = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="challenge_expires_later", condition=Q(expires_at__gt=F("created_at")))
        ]


class EligibilityDecision(AppendOnlyModel):
    """Every answer eligibility gave: who, what for, and every rule that refused."""

    party_id = models.UUIDField()
    isin = models.CharField(max_length=12)
    action = models.CharField(max_length=16, choices=Action.choices)
    wallet_address = models.CharField(max_length=42, null=True)
    subject_ref = models.CharField(max_length=128)
    allowed = models.BooleanField()
    codes = ArrayField(models.CharField(max_length=32))
    rules_version = models.PositiveSmallIntegerField()
    decided_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["party_id", "id"], name="eligibility_by_party")]
        constraints = [
            models.CheckConstraint(
                name="eligibility_refusal_reasoned",
                condition=Q(allowed=True, codes=[]) | (Q(allowed=False) & ~Q(codes=[])),
            )
        ]
