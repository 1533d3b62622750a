"""Types other rooms may import. Amounts are whole base units throughout."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices

MAX_QUANTITY_DECIMALS = 18
MAX_DAYS_TO_SETTLE = 30


class SecurityStatus(TextChoices):
    """DRAFT until its token is live; only an ACTIVE security trades."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    HALTED = "HALTED"


class Exemption(TextChoices):
    """How the offering stands under the US Securities Act: the exemption it claims, or registered."""

    REG_D_506B = "REG_D_506B"
    REG_D_506C = "REG_D_506C"
    REG_S = "REG_S"
    REGISTERED = "REGISTERED"


@dataclass(frozen=True, slots=True)
class TermsDraft:
    """Trading terms to set.

    `tick` is in cash base units for one whole unit of the security; `lot`, `min_quantity` and `max_quantity` are
    in base units of the security.
    """

    cash_asset: str
    tick: int
    lot: int
    min_quantity: int
    max_quantity: int
    days_to_settle: int = 0


@dataclass(frozen=True, slots=True)
class SecurityDraft:
    """A security to create; `authorized_quantity` in base units (10**quantity_decimals make one unit)."""

    isin: str
    name: str
    cfi: str
    exemption: str
    quantity_decimals: int
    authorized_quantity: int
    terms: TermsDraft


@dataclass(frozen=True, slots=True)
class TermsView:
    """Trading terms, in base units (see TermsDraft); `cash_decimals` is the cash asset's scale."""

    cash_asset: str
    cash_decimals: int
    tick: int
    lot: int
    min_quantity: int
    max_quantity: int
    days_to_settle: int


@dataclass(frozen=True, slots=True)
class SecurityView:
    """A security with its trading terms."""

    isin: str
    issuer_party_id: UUID
    name: str
    cfi: str
    exemption: str
    quantity_decimals: int
    authorized_quantity: int
    status: str
    created_at: datetime
    terms: TermsView
