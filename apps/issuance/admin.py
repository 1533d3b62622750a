"""Officers' pages of issuance."""

from django.contrib import admin

from apps.core.officers import Amount, ReadOnlyAdmin
from apps.issuance.models import IssuanceControl, IssuanceRequest
from apps.securities.selectors.scales import quantity_scales


@admin.register(IssuanceRequest)
class IssuanceRequestAdmin(ReadOnlyAdmin):
    """New securities: who asked, who approved, what became of it."""

    table = (
        "id",
        "created_at",
        "isin",
        "issuer_party",
        "party",
        "quantity",
        "status",
        "requested_by",
        "approved_by",
        "tx_hash",
    )
    columns = {"quantity": Amount("quantity", decimals="quantity_decimals")}
    hidden = ("fingerprint",)
    list_filter = ("status",)
    search_fields = ("id", "isin", "party_id", "issuer_party_id", "wallet_address", "tx_hash", "client_request_id")


@admin.register(IssuanceControl)
class IssuanceControlAdmin(ReadOnlyAdmin):
    """What may be issued of each security, is issued, and is reserved."""

    table = ("isin", "authorized", "issued", "reserved")
    columns = {name: Amount(name, key="isin", scales=quantity_scales) for name in ("authorized", "issued", "reserved")}
    search_fields = ("isin",)
