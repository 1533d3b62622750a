"""Columns of officers' pages: how a stored value reads. One object serves lists and detail pages."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.db import BaseUnitsField
from apps.core.errors import DomainError
from apps.core.money import format_base_units

EMPTY = "-"
HEX_LENGTHS = {42, 66}
SPELT = {"id": "ID", "isin": "ISIN", "kyc": "KYC", "dvp": "DvP", "cfi": "CFI", "lei": "LEI", "ip": "IP", "pid": "PID"}
TONES = {
    "success": {"APPROVED", "FINAL", "SETT", "COMPLETED", "POSTED", "LIVE", "ACTIVE", "REGISTERED", "FILLED", "DONE"}
    | {"CLEAN", "CLEARED", "RESOLVED", "CLOSED", "VERIFIED", "HEALTHY"},
    "danger": {"REJECTED", "FAILED", "REVERTED", "DEAD", "REJT", "PENF", "BREAKS", "OPEN_BREAK", "CRITICAL", "ERROR"}
    | {"DISABLED"},
    "warning": {
        "PENDING",
        "PEND",
        "PROPOSED",
        "REQUESTED",
        "EXPIRED",
        "EXPECTED",
        "SUSPENDED",
        "LEASED",
        "INCOMPLETE",
        "LAGGING",
    }
    | {"WARNING", "HALF_OPEN", "QUARANTINED"},
    "info": {"OPEN", "PARTIAL", "BROADCAST", "MINED", "SIGNED", "SUBMITTED", "QUEUED", "OBSERVED", "SAFE"},
}
_TONE_OF = {code: tone for tone, codes in TONES.items() for code in codes}


class Column:
    """A value read from `attribute` (dots follow relations), under `header`."""

    def __init__(self, attribute: str, header: str = "") -> None:
        self.attribute = attribute
        self.__name__ = attribute.replace(".", "_")
        words = (header or attribute.removesuffix("_id").replace("_", " ").replace(".", " ")).split()
        self.short_description = " ".join(SPELT.get(word, word) for word in words)

    def __eq__(self, other: object) -> bool:
        """Two that read alike are one: Django looks a page's columns up among its read-only ones."""
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self.attribute))

    def value(self, row: Any) -> Any:
        """The stored value, None where a relation on the way is empty."""
        try:
            return attrgetter(self.attribute)(row)
        except AttributeError:
            return None

    def prepare(self, rows: Collection[Any], site: Any) -> None:
        """Read what all rows of a page need in one go."""

    def __call__(self, row: Any) -> str:
        try:
            value = self.value(row)
        except DomainError as refusal:
            # One value that cannot be shown (its key is away, or destroyed) does not take the page with it.
            return f"[{refusal.code.replace('_', ' ')}]"
        return EMPTY if value is None or value == "" else self.shown(value, row)

    def shown(self, value: Any, row: Any) -> str:
        """What an officer reads where there is a value."""
        return str(value)


class Instant(Column):
    """A UTC instant to the second, in one order of digits everywhere."""

    def shown(self, value: datetime, row: Any) -> str:
        at = value.astimezone(UTC)
        return format_html('<span class="whitespace-nowrap" title="{}">{}</span>', at, f"{at:%Y-%m-%d %H:%M:%S}")


class Code(Column):
    """A hash or address: whole, or its ends with the rest in a tooltip."""

    def __init__(self, attribute: str, header: str = "", *, short: bool = False) -> None:
        super().__init__(attribute, header)
        self.short = short

    def shown(self, value: Any, row: Any) -> str:
        text = str(value)
        if not self.short:
            return format_html('<span class="font-mono break-all">{}</span>', text)
        return format_html('<span class="font-mono whitespace-nowrap" title="{}">{}</span>', text, ends_of(text))


class Badge(Column):
    """A stored code as a coloured badge; its meaning, where it is not the code itself, follows or is the tooltip."""

    def __init__(self, attribute: str, header: str = "", *, short: bool = False) -> None:
        super().__init__(attribute, header)
        self.short = short

    def shown(self, value: Any, row: Any) -> str:
        field = row._meta.get_field(self.attribute) if "." not in self.attribute else None
        meaning = str(dict(field.flatchoices).get(value, "")) if field is not None else ""
        if meaning.replace(" ", "_").upper() == str(value):
            meaning = ""
        looks = {"text": value, "type": _TONE_OF.get(str(value)), "label_title": meaning if self.short else ""}
        badge = SafeString(render_to_string("unfold/helpers/label.html", looks))
        return badge if self.short else format_html("{} {}", badge, meaning)


class Reference(Column):
    """A key of another page's row as a link, under the name the site knows it by."""

    def __init__(self, attribute: str, to: str, header: str = "", *, linked: bool = True) -> None:
        super().__init__(attribute, header)
        self.to, self.linked = to, linked

    def name_only(self) -> "Reference":
        """The same without the link."""
        return Reference(self.attribute, self.to, self.short_description, linked=False)

    def prepare(self, rows: Collection[Any], site: Any) -> None:
        keys = {key for row in rows if (key := self.value(row)) is not None}
        labels = site.labels(self.to, keys) if keys else {}
        for row in rows:
            row.__dict__.setdefault("_labels", {})[self.attribute] = labels.get(self.value(row))

    def shown(self, value: Any, row: Any) -> str:
        label = row.__dict__.get("_labels", {}).get(self.attribute) or ends_of(str(value))
        if not self.linked:
            return str(label)
        url = reverse(f"admin:{self.to.lower().replace('.', '_')}_change", args=[value])
        return format_html('<a class="underline decoration-base-300" href="{}" title="{}">{}</a>', url, value, label)


class Size(Column):
    """Bytes are counted, never shown."""

    def shown(self, value: Any, row: Any) -> str:
        return f"{len(value):,} bytes"


class Json(Column):
    """A document, indented."""

    def shown(self, value: Any, row: Any) -> str:
        text = json.dumps(value, indent=2, cls=DjangoJSONEncoder, ensure_ascii=False)
        return format_html('<pre class="font-mono text-xs whitespace-pre-wrap">{}</pre>', text)


class Words(Column):
    """An array, its items set off by commas."""

    def shown(self, value: Iterable[Any], row: Any) -> str:
        return ", ".join(str(item) for item in value) or EMPTY


class YesNo(Column):
    """A flag, with unfold's tick."""

    boolean = True

    def __call__(self, row: Any) -> Any:
        return self.value(row)


class BaseUnits(Column):
    """An amount whose scale is not known here."""

    def shown(self, value: int, row: Any) -> str:
        return f"{value:,}"


class Amount(Column):
    """Base units as units. The scale is `decimals` of the row, or what `scales` says of the row's `key`.

    `unit` is the attribute with the name of the unit, if it is to be shown.
    """

    def __init__(
        self,
        attribute: str,
        header: str = "",
        *,
        decimals: str = "",
        key: str = "",
        scales: Callable[[set[str]], Mapping[str, int]] | None = None,
        unit: str = "",
    ) -> None:
        super().__init__(attribute, header)
        self.decimals, self.key, self.scales, self.unit = Column(decimals), Column(key), scales, Column(unit)

    def prepare(self, rows: Collection[Any], site: Any) -> None:
        if self.scales is None:
            return
        found = self.scales({key for row in rows if (key := self.key.value(row))})
        for row in rows:
            row.__dict__.setdefault("_scales", {})[self.attribute] = found.get(self.key.value(row))

    def shown(self, value: int, row: Any) -> str:
        scale = row.__dict__.get("_scales", {}).get(self.attribute)
        if self.decimals.attribute:
            scale = self.decimals.value(row)
        if scale is None:
            return f"{value:,} base units"
        unit = self.unit.value(row) if self.unit.attribute else ""
        return format_html('<span class="whitespace-nowrap tabular-nums">{} {}</span>', grouped(value, scale), unit)


def grouped(base_units: int, decimals: int) -> str:
    """An amount in units, thousands set off."""
    whole, point, fraction = format_base_units(abs(base_units), decimals).partition(".")
    return f"{'-' if base_units < 0 else ''}{int(whole):,}{point}{fraction}"


def ends_of(text: str) -> str:
    """The two ends of a long key. UUIDs of one moment differ in their last digits."""
    return text if len(text) <= 14 else f"{text[:6]}…{text[-6:]}"


def column_of(field: models.Field, *, in_list: bool, refers_to: str | None) -> Column:
    """How a model's field reads unless its page says otherwise; `refers_to` is the model its values are keys of."""
    header = str(field.verbose_name)
    if refers_to:
        return Reference(field.attname, refers_to, header.removesuffix(" id"))
    if isinstance(field, models.UUIDField) or getattr(field, "max_length", None) in HEX_LENGTHS:
        return Code(field.attname, header, short=in_list)
    if field.choices:
        return Badge(field.attname, header, short=in_list)
    kinds: tuple[tuple[type[models.Field], type[Column]], ...] = (
        (models.DateTimeField, Instant),
        (models.BinaryField, Size),
        (models.JSONField, Json),
        (models.BooleanField, YesNo),
        (ArrayField, Words),
        (BaseUnitsField, BaseUnits),
    )
    return next((column for kind, column in kinds if isinstance(field, kind)), Column)(field.attname, header)
