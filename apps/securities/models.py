"""Issuers, securities, and the terms they trade on."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Mod
from django.db.models.lookups import Exact

from apps.core.db import BaseUnitsField
from apps.securities.types import MAX_DAYS_TO_SETTLE, MAX_QUANTITY_DECIMALS, Exemption, SecurityStatus


class PowerOfTen(models.Func):
    """10 to a small whole number, exactly."""

    template = "(10::numeric ^ %(expressions)s)"
    output_field = BaseUnitsField()


class Issuer(models.Model):
    """A party that issues."""

    party = models.OneToOneField("accounts.Party", on_delete=models.PROTECT, primary_key=True)
    lei = models.CharField(max_length=20, null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="issuer_lei_shape", condition=Q(lei=None) | Q(lei__regex=r"^[A-Z0-9]{18}[0-9]{2}$")
            ),
            models.UniqueConstraint(fields=["lei"], name="issuer_lei_once"),
        ]


class Security(models.Model):
    """A security by its ISIN (ISO 6166). Never deleted; its scale and ISIN never change."""

    isin = models.CharField(max_length=12, primary_key=True)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="securities")
    name = models.CharField(max_length=120)
    # ISO 10962.
    cfi = models.CharField(max_length=6)
    exemption = models.CharField(max_length=16, choices=Exemption.choices)
    quantity_decimals = models.PositiveSmallIntegerField()
    authorized_quantity = BaseUnitsField()
    status = models.CharField(max_length=8, choices=SecurityStatus.choices, default=SecurityStatus.DRAFT)
    created_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "securities"
        constraints = [
            models.CheckConstraint(name="security_isin_shape", condition=Q(isin__regex=r"^[A-Z]{2}[A-Z0-9]{9}[0-9]$")),
            models.CheckConstraint(name="security_cfi_shape", condition=Q(cfi__regex=r"^[A-Z]{6}$")),
            models.CheckConstraint(name="security_named", condition=~Q(name="")),
            models.CheckConstraint(name="security_exemption_known", condition=Q(exemption__in=Exemption.values)),
            models.CheckConstraint(name="security_status_known", condition=Q(status__in=SecurityStatus.values)),
            models.CheckConstraint(
                name="security_decimals_range", condition=Q(quantity_decimals__lte=MAX_QUANTITY_DECIMALS)
            ),
            models.CheckConstraint(name="security_authorized_positive", condition=Q(authorized_quantity__gt=0)),
            models.CheckConstraint(
                name="security_activated_once_live",
                condition=Q(status=SecurityStatus.DRAFT, activated_at=None)
                | (~Q(status=SecurityStatus.DRAFT) & Q(activated_at__isnull=False)),
            ),
            # What the foreign key of the terms' own copy of the scale refers to (see the migration).
            models.UniqueConstraint(fields=["isin", "quantity_decimals"], name="security_scale"),
        ]
        indexes = [models.Index(fields=["created_at", "isin"], name="security_by_time")]


class TradingTerms(models.Model):
    """What an order in the security must keep to. Integer base units.

    Tick times lot is a whole number of cash base units, so that no fill ever rounds.
    """

    security = models.OneToOneField(Security, on_delete=models.PROTECT, primary_key=True, related_name="terms")
    cash_asset = models.CharField(max_length=12)
    cash_decimals = models.PositiveSmallIntegerField()
    # The security's own, repeated here so that the CHECK can see it.
    quantity_decimals = models.PositiveSmallIntegerField()
    tick = BaseUnitsField()
    lot = BaseUnitsField()
    min_quantity = BaseUnitsField()
    max_quantity = BaseUnitsField()
    days_to_settle = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "trading terms"
        constraints = [
            models.CheckConstraint(name="terms_cash_shape", condition=Q(cash_asset__regex=r"^[A-Z][A-Z0-9]{1,11}$")),
            # PostgreSQL checks in the order of names: this one before any division.
            models.CheckConstraint(name="terms_all_positive", condition=Q(tick__gt=0, lot__gt=0, min_quantity__gt=0)),
            models.CheckConstraint(name="terms_min_to_max", condition=Q(max_quantity__gte=F("min_quantity"))),
            models.CheckConstraint(
                name="terms_in_lots",
                condition=Q(Exact(Mod(F("min_quantity"), F("lot")), 0)) & Q(Exact(Mod(F("max_quantity"), F("lot")), 0)),
            ),
            models.CheckConstraint(
                name="terms_tick_times_lot_whole",
                condition=Q(Exact(Mod(F("tick") * F("lot"), PowerOfTen(F("quantity_decimals"))), 0)),
            ),
            models.CheckConstraint(name="terms_settlement_days", condition=Q(days_to_settle__lte=MAX_DAYS_TO_SETTLE)),
        ]
