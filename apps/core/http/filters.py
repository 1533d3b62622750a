"""What a list may be narrowed and ordered by: declared once, read strictly, described in the OpenAPI document."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from apps.core.http.pagination import MAX_CURSOR, Order, Pages
from apps.core.http.serializers import CodeField, DigitsField, InstantField, StrictSerializer, read_query

EXACT, IN, GTE, LT = "exact", "in", "gte", "lt"
ONE_OR_MORE, RANGE = (EXACT, IN), (GTE, LT)
MAX_VALUES = 50
MAX_LIMIT, LIMIT = 500, 100
MAX_SEQUENCE = 2**63 - 1
# Not filters: they choose a page of what the filters found, or its size.
PAGING = ("cursor", "limit")


def parameter(name: str, lookup: str) -> str:
    """What a lookup is called in a query string."""
    return name if lookup == EXACT else f"{name}__{lookup}"


class ManyField(serializers.ListField):
    """Values with commas between them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_length=1, max_length=MAX_VALUES, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        return super().to_internal_value(str(data).split(","))


class ToggleField(serializers.BooleanField):
    """`true` or `false` in a query string."""

    def to_internal_value(self, data: Any) -> bool:
        if data not in {"true", "false"}:
            raise serializers.ValidationError("This must be true or false.", code="not_a_boolean")
        return bool(data == "true")


class SequenceField(DigitsField):
    """A number of a row that one writer counts."""

    digits = 19


@dataclass(frozen=True, slots=True)
class Filter:
    """One thing to narrow a list by: its type and the lookups there are.

    `column` is where it is kept, if not under its own name; `where` makes the condition of one or more values for what
    is no column. One that is not `applied` is the view's to hand to its selector.
    """

    type: serializers.Field
    lookups: tuple[str, ...] = (EXACT,)
    column: str = ""
    where: Callable[[list[Any]], Q] | None = None
    applied: bool = True
    required: bool = False

    def condition(self, name: str, lookup: str, value: Any) -> Q:
        """What the rows must fulfil."""
        if self.where:
            return self.where(value if lookup == IN else [value])
        return Q(**{f"{self.column or name}__{lookup}": value})

    def field(self, name: str, lookup: str) -> serializers.Field:
        """The query parameter of one lookup."""
        made: serializers.Field = copy.deepcopy(self.type)
        said = f" {made.help_text}" if made.help_text else ""
        if lookup == IN:
            made = ManyField(child=made)
        made.required = self.required
        made.help_text = _HELP[lookup].format(name=name, most=MAX_VALUES) + said
        return made


_HELP = {
    EXACT: "Rows of this `{name}`.",
    IN: "Rows of any of these `{name}`s, with commas between them; at most {most}.",
    GTE: "Rows whose `{name}` is this or later.",
    LT: "Rows whose `{name}` is earlier than this.",
}


def moments(column: str = "") -> Filter:
    """A half-open range of instants, so that days add up."""
    return Filter(InstantField(), RANGE, column=column)


class ListQuery(StrictSerializer):
    """The query of one list; a subclass declares it.

    `orderings` maps what a client may order by to columns, the last of them unique, none of them null. `sequence` names
    the column a single counter numbers, in lists that have one: they can be read as of a number.
    """

    filters: ClassVar[Mapping[str, Filter]] = {}
    orderings: ClassVar[Mapping[str, tuple[str, ...]]]
    default_ordering: ClassVar[str]
    sequence: ClassVar[str] = ""

    def get_fields(self) -> dict[str, serializers.Field]:
        """Every parameter there is."""
        fields = {
            parameter(name, lookup): declared.field(name, lookup)
            for name, declared in self.filters.items()
            for lookup in declared.lookups
        }
        return fields | self._ordering() | self._paging()

    def _ordering(self) -> dict[str, serializers.Field]:
        choices = [sign + name for name in self.orderings for sign in ("", "-")]
        said = "A hyphen before it: descending."
        return {"ordering": serializers.ChoiceField(choices, default=self.default_ordering, help_text=said)}

    def _paging(self) -> dict[str, serializers.Field]:
        paging: dict[str, serializers.Field] = {
            "limit": DigitsField(min_value=1, max_value=MAX_LIMIT, default=LIMIT, help_text="Rows a page."),
            "cursor": CodeField(
                max_length=MAX_CURSOR,
                required=False,
                help_text="As it stands in `next` or `prev`: good for the same filters and ordering, and for you.",
            ),
        }
        if self.sequence:
            said = "Only what was there when the list had come to this number: see `as_of_sequence` in the answer."
            pinned = SequenceField(min_value=0, max_value=MAX_SEQUENCE, required=False, help_text=said)
            paging["as_of_sequence"] = pinned
        return paging

    def to_internal_value(self, data: Any) -> Any:
        """Tell an unknown lookup from an unknown parameter."""
        for name in sorted(set(data) - set(self.fields)):
            known = self.filters.get(name.partition("__")[0])
            if known:
                message = f"There is no such lookup; there are: {', '.join(known.lookups)}."
                raise serializers.ValidationError({name: serializers.ErrorDetail(message, code="unknown_lookup")})
        return super().to_internal_value(data)

    @classmethod
    def read(cls, request: Request) -> "Listing":
        """What was asked for. Raises ValidationError for anything not declared."""
        return Listing(query=cls, request=request, values=read_query(request, cls))


@dataclass(frozen=True, slots=True)
class Listing:
    """A query as it was understood."""

    query: type[ListQuery]
    request: Request
    values: Mapping[str, Any]

    def get(self, name: str) -> Any:
        """The value of a parameter; None if it was not given."""
        return self.values.get(name)

    def answer(self, rows: QuerySet[Any], *, asked_by: Any, render: Callable[[list[Any]], Iterable[Any]]) -> Any:
        """The page asked for: `{"results", "next", "prev", "has_more"}`, with `as_of_sequence` in lists that count.

        `asked_by` is whoever may see these rows: a cursor of theirs is no good for anybody else.
        """
        extra, found = self._found(rows)
        pages = Pages(found, self._order(), [asked_by, *self._identity()])
        page = pages.page(limit=self.values["limit"], cursor=self.get("cursor"))
        links = {"next": self._link(page.next), "prev": self._link(page.prev), "has_more": page.next is not None}
        return {"results": list(render(page.rows))} | links | extra

    def all_of(self, rows: QuerySet[Any]) -> Iterator[list[Any]]:
        """All that was asked for, read in pieces: what is added meanwhile is left out of lists that count."""
        return self._order().pieces(self._found(rows)[1])

    def _found(self, rows: QuerySet[Any]) -> tuple[dict[str, int], QuerySet[Any]]:
        extra = {}
        if self.query.sequence:
            # Read before the rows are: what the page shows is then never beyond what it says.
            extra["as_of_sequence"] = sequence = self._as_of(rows)
            rows = rows.filter(**{f"{self.query.sequence}__lte": sequence})
        return extra, rows.filter(*self._conditions())

    def _order(self) -> Order:
        asked: str = self.values["ordering"]
        return Order(columns=self.query.orderings[asked.removeprefix("-")], descending=asked.startswith("-"))

    def _conditions(self) -> list[Q]:
        return [
            declared.condition(name, lookup, self.values[parameter(name, lookup)])
            for name, declared in self.query.filters.items()
            for lookup in declared.lookups
            if declared.applied and parameter(name, lookup) in self.values
        ]

    def _as_of(self, rows: QuerySet[Any]) -> int:
        column, asked = self.query.sequence, self.get("as_of_sequence")
        newest = rows.model._default_manager.order_by(f"-{column}").values_list(column, flat=True).first() or 0
        if asked is None:
            return newest
        if asked > newest:
            # It would pin nothing: the list would go on growing under it.
            message = "The list has not come to this number yet."
            raise serializers.ValidationError({"as_of_sequence": serializers.ErrorDetail(message, code="not_reached")})
        return int(asked)

    def _identity(self) -> list[Any]:
        """What makes it this list: the address and every parameter but those that choose a page."""
        given = {name: value for name, value in self.request.query_params.items() if name not in PAGING}
        return [self.request.path.rstrip("/"), given]

    def _link(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)
