"""The cash securities may settle in."""

from django.conf import settings

from apps.securities.errors import UnknownCashAsset


def cash_decimals(cash_asset: str) -> int:
    """The scale of a cash asset this installation settles in (settings.CASH_ASSETS). Raises UnknownCashAsset."""
    try:
        return int(settings.CASH_ASSETS[cash_asset])
    except KeyError as error:
        raise UnknownCashAsset(known=sorted(settings.CASH_ASSETS)) from error
