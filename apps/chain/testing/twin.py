"""Two databases compared row for row: ours after whatever befell it, and a twin fed by an honest node.

```
ours = rows()
honest = honest_rows(template, lambda: catch_up(chain))
assert differences(ours, honest) == {}
```
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.apps import apps
from django.db import models

from apps.chain.testing.tables import DECLARED, STREAM, Table
from apps.core.testing import databases

Row = tuple[tuple[str, Any], ...]  # (column, value) pairs
Rows = dict[str, list[Row]]
_twins = count(1)


def rows(tables: Sequence[Table] = STREAM, *, canonical: bool = False) -> Rows:
    """Every row of the tables in the database in force, sorted, without surrogates and our own clock.

    With `canonical` only what stands in the canonical chain, for runs of which one saw blocks that the other did not.
    """
    return {
        table.label: _rows(table, canonical=canonical)
        for table in tables
        if not (canonical and table.canonical is None)
    }


def differences(ours: Rows, honest: Rows) -> dict[str, dict[str, list[Row]]]:
    """By table, the rows we miss and those we have too many, a row as often as it is; empty where all is equal."""
    if ours.keys() != honest.keys():
        raise ValueError("two runs are compared by the same tables")
    found = {}
    for label, mine in ours.items():
        missing, surplus = Counter(honest[label]) - Counter(mine), Counter(mine) - Counter(honest[label])
        if missing or surplus:
            found[label] = {"missing": list(missing.elements()), "surplus": list(surplus.elements())}
    return found


@contextmanager
def twin_of(source: str) -> Iterator[str]:
    """A database cloned from `source`, in force until the block ends; its name.

    `source` is a template, or the database in force: a twin of books in the middle of their life. Nobody else may be
    connected to it; this thread's own sessions end, and with them its advisory locks.
    """
    databases.leave()
    name = f"twin_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}_{next(_twins)}"
    with databases.cloned(source, name):
        yield name


def honest_rows(
    source: str, feed: Callable[[], object], tables: Sequence[Table] = STREAM, *, canonical: bool = False
) -> Rows:
    """The rows of a twin of `source` after `feed`, which runs with the twin in force."""
    with twin_of(source):
        feed()
        return rows(tables, canonical=canonical)


def columns(table: Table) -> list[str]:
    """The lookups by which a table's rows are compared."""
    model = apps.get_model(table.label)
    found: list[str] = []
    for field in model._meta.concrete_fields:
        surrogate = field.primary_key and (table.key or isinstance(field, models.AutoField))
        ours = isinstance(field, models.DateTimeField) and field.name.endswith("_at") and field.name not in table.clock
        if not (surrogate or ours or field.attname in table.without or field.name in table.without):
            found += _named(field)
    return found


def _named(field: "models.Field[Any, Any]") -> list[str]:
    """A column; or, of a foreign key to rows with a surrogate, the columns that name the row."""
    target = DECLARED.get(field.related_model._meta.label) if isinstance(field, models.ForeignKey) else None
    if target is None or not target.key:
        return [field.attname]
    model = apps.get_model(target.label)
    named = [lookup for column in target.key for lookup in _named(model._meta.get_field(_name(model, column)))]
    return [f"{field.name}__{lookup}" for lookup in named]


def _name(model: type[models.Model], column: str) -> str:
    """A field's name, of that or of its column."""
    return next(field.name for field in model._meta.concrete_fields if column in {field.name, field.attname})


def _rows(table: Table, *, canonical: bool) -> list[Row]:
    names = columns(table)
    chosen = apps.get_model(table.label)._default_manager.order_by()
    if canonical and table.canonical:
        chosen = chosen.filter(**{table.canonical: True})
    if table.nothing:
        chosen = chosen.exclude(**dict.fromkeys(table.nothing, 0))
    found = [tuple(zip(names, map(_plain, values), strict=True)) for values in chosen.values_list(*names)]
    return sorted(found, key=repr)


def _plain(value: Any) -> Any:
    """A value that compares and hashes: bytes of a buffer, tuples of lists, JSON as text."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
