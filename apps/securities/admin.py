"""Officers' pages of issuers and securities."""

from django.contrib import admin

from apps.core.officers import Amount, ReadOnlyAdmin, ReadOnlyInline
from apps.securities.models import Issuer, Security, TradingTerms

TERMS = {
    "tick": Amount("tick", decimals="cash_decimals", unit="cash_asset"),
    "lot": Amount("lot", decimals="quantity_decimals"),
    "min_quantity": Amount("min_quantity", decimals="quantity_decimals"),
    "max_quantity": Amount("max_quantity", decimals="quantity_decimals"),
}


class TermsInline(ReadOnlyInline):
    """What orders must keep to."""

    model = TradingTerms
    table = ("cash_asset", "tick", "lot", "min_quantity", "max_quantity", "days_to_settle")
    columns = TERMS


@admin.register(Issuer)
class IssuerAdmin(ReadOnlyAdmin):
    """Parties that issue."""

    table = ("party", "lei", "created_at")
    search_fields = ("party_id", "lei")
    search_help_text = "Exact: a party's id or LEI. Names are encrypted: there is no search by name."


@admin.register(Security)
class SecurityAdmin(ReadOnlyAdmin):
    """Securities with their terms."""

    table = ("isin", "name", "issuer", "status", "exemption", "cfi", "authorized_quantity", "created_at")
    columns = {"authorized_quantity": Amount("authorized_quantity", decimals="quantity_decimals")}
    list_filter = ("status", "exemption")
    search_fields = ("isin", "issuer_id", "name__icontains")
    search_help_text = "An ISIN, an issuer's id, or part of a name."
    inlines = (TermsInline,)


@admin.register(TradingTerms)
class TradingTermsAdmin(ReadOnlyAdmin):
    """Terms of trading, by security."""

    table = ("security_id", "tick", "lot", "min_quantity", "max_quantity", "days_to_settle")
    columns = TERMS
    search_fields = ("security_id",)
