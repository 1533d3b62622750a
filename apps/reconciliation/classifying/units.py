"""How an asset is counted and said."""

from dataclasses import dataclass

from apps.core.money import format_base_units


@dataclass(frozen=True, slots=True)
class Unit:
    """An asset and its scale: one unit is 10**decimals base units."""

    asset: str
    decimals: int

    def say(self, base_units: int) -> str:
        """An amount as people write it."""
        return format_base_units(base_units, self.decimals)
