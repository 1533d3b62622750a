"""Shapes of requests and answers."""

from typing import Any

from rest_framework import serializers

from apps.core.errors import DomainError
from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import (
    AmountField,
    CodeField,
    IdField,
    IsinField,
    NameField,
    StrictSerializer,
    WholeNumberField,
)
from apps.core.money import format_base_units, parse_base_units
from apps.securities.services.cash_assets import cash_decimals
from apps.securities.types import (
    MAX_DAYS_TO_SETTLE,
    MAX_QUANTITY_DECIMALS,
    Exemption,
    SecurityDraft,
    SecurityStatus,
    SecurityView,
    TermsDraft,
)

QUANTITIES = ("authorized_quantity", "lot", "min_quantity", "max_quantity")


class NewSecuritySerializer(StrictSerializer):
    """A security to create, with its trading terms. Amounts are decimal strings in whole units."""

    isin = IsinField(max_length=12)
    name = NameField(max_length=120)
    cfi = CodeField(max_length=6, help_text="ISO 10962.")
    exemption = serializers.ChoiceField(choices=Exemption.choices)
    quantity_decimals = WholeNumberField(min_value=0, max_value=MAX_QUANTITY_DECIMALS)
    authorized_quantity = AmountField(help_text='Units that may ever be issued, such as "10000".')
    cash_asset = CodeField(max_length=12, help_text="What trades settle in.")
    tick = AmountField(help_text="The smallest step of a price, in cash for one unit.")
    lot = AmountField(help_text="The smallest step of a quantity.")
    min_quantity = AmountField(help_text="Of an order.")
    max_quantity = AmountField(help_text="Of an order.")
    days_to_settle = WholeNumberField(min_value=0, max_value=MAX_DAYS_TO_SETTLE, default=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Amounts as base units of the scale the body itself names; each bad field is named."""
        decimals = attrs["quantity_decimals"]
        scales = dict.fromkeys(QUANTITIES, decimals) | {"tick": _scale_of_cash(attrs["cash_asset"])}
        units, errors = {}, {}
        for name, scale in scales.items():
            try:
                units[name] = _positive_units(attrs[name], scale)
            except DomainError as error:
                errors[name] = serializers.ErrorDetail(error.message, code=error.code)
        if errors:
            raise serializers.ValidationError(errors)
        return attrs | units


def _scale_of_cash(cash_asset: str) -> int:
    try:
        return cash_decimals(cash_asset)
    except DomainError as error:
        raise serializers.ValidationError(
            {"cash_asset": serializers.ErrorDetail(error.message, code=error.code)}
        ) from error


def _positive_units(text: str, decimals: int) -> int:
    units = parse_base_units(text, decimals)
    if units == 0:
        raise NotPositive
    return units


class NotPositive(DomainError):
    """Zero where something is needed."""

    code, message = "not_positive", "This must be above zero."


def draft_from(body: dict[str, Any]) -> SecurityDraft:
    """The draft a validated body describes."""
    names = ("isin", "name", "cfi", "exemption", "quantity_decimals", "authorized_quantity")
    terms = ("cash_asset", "tick", "lot", "min_quantity", "max_quantity", "days_to_settle")
    draft = {name: body[name] for name in names}
    return SecurityDraft(**draft, terms=TermsDraft(**{name: body[name] for name in terms}))


class SecurityListQuery(ListQuery):
    """Which securities."""

    filters = {
        "isin": Filter(IsinField(), ONE_OR_MORE),
        "status": Filter(serializers.ChoiceField(choices=SecurityStatus.choices), ONE_OR_MORE),
        "exemption": Filter(serializers.ChoiceField(choices=Exemption.choices), ONE_OR_MORE),
        "issuer_party_id": Filter(IdField(), column="issuer_id"),
        "created_at": moments(),
    }
    orderings = {"isin": ("isin",), "created_at": ("created_at", "isin")}
    default_ordering = "isin"


class TermsSerializer(serializers.Serializer):
    """Trading terms. Amounts are decimal strings."""

    cash_asset = serializers.CharField()
    cash_decimals = serializers.IntegerField()
    tick = serializers.CharField()
    lot = serializers.CharField()
    min_quantity = serializers.CharField()
    max_quantity = serializers.CharField()
    days_to_settle = serializers.IntegerField()


class SecuritySerializer(serializers.Serializer):
    """A security. Amounts are decimal strings."""

    isin = serializers.CharField()
    issuer_party_id = serializers.UUIDField()
    name = serializers.CharField()
    cfi = serializers.CharField()
    exemption = serializers.ChoiceField(choices=Exemption.choices)
    quantity_decimals = serializers.IntegerField()
    authorized_quantity = serializers.CharField()
    status = serializers.ChoiceField(choices=SecurityStatus.choices)
    created_at = serializers.DateTimeField()
    terms = TermsSerializer()

    def to_representation(self, instance: SecurityView) -> dict[str, Any]:
        """Base units become decimals here and nowhere deeper."""
        body: dict[str, Any] = super().to_representation(instance)
        terms, quantities = instance.terms, instance.quantity_decimals
        body["authorized_quantity"] = format_base_units(instance.authorized_quantity, quantities)
        body["terms"]["tick"] = format_base_units(terms.tick, terms.cash_decimals)
        for name in ("lot", "min_quantity", "max_quantity"):
            body["terms"][name] = format_base_units(getattr(terms, name), quantities)
        return body
