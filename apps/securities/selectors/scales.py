"""How many decimals amounts have, for pages that show many of them."""

from collections.abc import Collection, Mapping

from apps.securities.models import Security, TradingTerms


def quantity_scales(isins: Collection[str]) -> Mapping[str, int]:
    """Decimals of quantities, by ISIN."""
    return dict(Security.objects.filter(pk__in=isins).values_list("pk", "quantity_decimals"))


def price_scales(isins: Collection[str]) -> Mapping[str, int]:
    """Decimals of prices: those of the cash the security trades in, by ISIN."""
    return dict(TradingTerms.objects.filter(pk__in=isins).values_list("pk", "cash_decimals"))
