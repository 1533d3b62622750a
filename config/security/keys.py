"""What a key of config/security.yaml may hold, said where the key is declared: `Annotated[int, Key(...)]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """Its meaning for operators, with the unit; its bounds, both included, which also count the items of a list.

    `waits_for` names the room that will read the key: until then the key is checked and has no effect.
    `may_be_unset`: what is enabled works without this secret.
    """

    doc: str
    low: float = 0
    high: float = 1_000_000_000
    waits_for: str = ""
    may_be_unset: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two keys that contradict each other: the key to mend below the object, what it says, and what would do."""

    key: str
    found: str
    expected: str
