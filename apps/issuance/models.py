"""Issuance requests, each made by one person and decided by another, and the control totals they draw on."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.core.db import BaseUnitsField
from apps.core.ids import new_id
from apps.issuance.types import IssuanceStatus

APPROVED = [IssuanceStatus.SUBMITTED, IssuanceStatus.COMPLETED, IssuanceStatus.FAILED]


class IssuanceControl(models.Model):
    """The control book of a security: what is issued and reserved never exceeds what is authorized."""

    isin = models.CharField(max_length=12, primary_key=True)
    authorized = BaseUnitsField()
    issued = BaseUnitsField(default=0)
    reserved = BaseUnitsField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="issuance_within_authorized", condition=Q(authorized__gte=F("issued") + F("reserved"))
            ),
            models.CheckConstraint(name="issuance_totals_positive", condition=Q(issued__gte=0, reserved__gte=0)),
        ]


class IssuanceRequest(models.Model):
    """New securities for one wallet."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    issuer_party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+", db_index=False)
    client_request_id = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    isin = models.CharField(max_length=12)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+", db_index=False)
    wallet_address = models.CharField(max_length=42)
    quantity = BaseUnitsField()
    quantity_decimals = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=9, choices=IssuanceStatus.choices, default=IssuanceStatus.REQUESTED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    # The maker may withdraw; only an approval needs a second person.
    rejected_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    intent_id = models.UUIDField(null=True)
    tx_hash = models.CharField(max_length=66, blank=True, default="")
    failure_reason = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer_party", "client_request_id"], name="issuance_request_once"),
            models.UniqueConstraint(fields=["intent_id"], name="issuance_intent_once"),
            models.CheckConstraint(name="issuance_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(name="issuance_status_known", condition=Q(status__in=IssuanceStatus.values)),
            models.CheckConstraint(name="issuance_two_people", condition=~Q(approved_by=F("requested_by"))),
            models.CheckConstraint(
                name="issuance_decided_whole",
                condition=Q(status=IssuanceStatus.REQUESTED, approved_by=None, rejected_by=None, decided_at=None)
                | Q(status=IssuanceStatus.REJECTED, approved_by=None, rejected_by__isnull=False, intent_id=None)
                & Q(decided_at__isnull=False)
                | Q(status__in=APPROVED, approved_by__isnull=False, rejected_by=None, intent_id__isnull=False)
                & Q(decided_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["isin", "status"], name="issuance_by_isin"),
            models.Index(fields=["created_at", "id"], name="issuance_by_time"),
            models.Index(fields=["issuer_party", "created_at", "id"], name="issuance_of_issuer"),
            models.Index(fields=["party", "created_at", "id"], name="issuance_of_holder"),
        ]
