"""The control book: what is authorized, issued, and reserved by issuances under way."""

from django.db.models import F

from apps.core.db import constraint_error, within_unit_of_work
from apps.issuance.errors import AuthorizedExceeded
from apps.issuance.models import IssuanceControl
from apps.securities.types import SecurityView

constraint_error("issuance_within_authorized", AuthorizedExceeded)


@within_unit_of_work
def lock_control(*, security: SecurityView) -> IssuanceControl:
    """The security's control row, locked until commit: issuances of one security queue here."""
    fresh = IssuanceControl(isin=security.isin, authorized=security.authorized_quantity)
    IssuanceControl.objects.bulk_create([fresh], ignore_conflicts=True)
    return IssuanceControl.objects.select_for_update(no_key=True).get(pk=security.isin)


@within_unit_of_work
def reserve(*, control: IssuanceControl, quantity: int) -> None:
    """Set base units aside for a request. Raises AuthorizedExceeded; the CHECK refuses whatever slips past."""
    free = control.authorized - control.issued - control.reserved
    if quantity > free:
        raise AuthorizedExceeded(available_base_units=str(free))
    _shift(control.isin, reserved=quantity)


@within_unit_of_work
def give_back(*, isin: str, quantity: int) -> None:
    """A request ended without effect."""
    _shift(isin, reserved=-quantity)


@within_unit_of_work
def count_issued(*, isin: str, quantity: int) -> None:
    """A reserved quantity is in the holder's wallet, and final."""
    _shift(isin, reserved=-quantity, issued=quantity)


def _shift(isin: str, *, reserved: int, issued: int = 0) -> None:
    row = IssuanceControl.objects.filter(pk=isin)
    row.update(reserved=F("reserved") + reserved, issued=F("issued") + issued)
