"""When a difference between books and chain has to be reported to the agency (SEC rule 17Ad-11)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from config.security.keys import Conflict, Key


@dataclass(frozen=True, slots=True)
class Tier:
    """Issuers of one size, by the market value of what they have issued. Amounts in US dollars."""

    capitalization_usd: Annotated[int, Key("issued securities worth at most this, and more than the tier before", 1)]
    equity_usd: Annotated[int, Key("aged differences of equity worth more than this are reported", 0, 1_000_000)]
    debt_usd: Annotated[int, Key("the same of debt", 0, 2_000_000)]


@dataclass(frozen=True, slots=True)
class Largest:
    """Issuers above the last tier."""

    equity_usd: Annotated[int, Key("aged differences of equity worth more than this are reported", 0, 1_000_000)]
    debt_usd: Annotated[int, Key("the same of debt", 0, 2_000_000)]


@dataclass(frozen=True, slots=True)
class Ageing:
    """Aged record differences, 17 CFR 240.17Ad-11(a) and (b)."""

    aged_after_days: Annotated[int, Key("calendar days after which an open difference is aged", 1, 30)]
    due_business_days: Annotated[int, Key("business days after the end of a month to report in", 1, 10)]
    dollar_assets: Annotated[tuple[str, ...], Key("cash assets of which one unit is one US dollar", 0, 50)]
    tiers: Annotated[tuple[Tier, ...], Key("thresholds by capitalization, smallest first", 1, 10)]
    above: Largest

    def conflicts(self) -> Iterator[Conflict]:
        """A tier is for larger issuers than the one before."""
        for index, (smaller, larger) in enumerate(zip(self.tiers, self.tiers[1:], strict=False), start=1):
            if larger.capitalization_usd <= smaller.capitalization_usd:
                more = f"more than tiers.{index - 1}.capitalization_usd ({smaller.capitalization_usd})"
                yield Conflict(f"tiers.{index}.capitalization_usd", str(larger.capitalization_usd), more)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Breaks between books and chain."""

    ageing: Ageing
