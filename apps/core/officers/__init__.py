"""The kit of officers' pages: read-only lists and details, and the one way to act."""

from apps.core.officers.acting import act, ask_and_act
from apps.core.officers.columns import Amount, Badge, BaseUnits, Code, Column, Instant, Reference
from apps.core.officers.readonly import OFFICERS, ReadOnlyAdmin, ReadOnlyInline

__all__ = [
    "OFFICERS",
    "Amount",
    "Badge",
    "BaseUnits",
    "Code",
    "Column",
    "Instant",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "Reference",
    "act",
    "ask_and_act",
]
