"""Answers as CSV (RFC 4180), streamed, and harmless in a spreadsheet."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import StreamingHttpResponse

CSV = "text/csv"
# What a spreadsheet takes for the beginning of a formula (OWASP), the wide forms of East Asian keyboards included.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class _Line:
    """A file of one line: what was written is what write() gives back."""

    def write(self, text: str) -> str:
        return text


def csv_answer(*, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> StreamingHttpResponse:
    """A file `name` of a line of the columns' names and one for each row, in UTF-8."""
    answer = StreamingHttpResponse(csv_lines(columns, rows), content_type=f"{CSV}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The lines: nothing is an empty cell, a list has blanks between its items, an object is JSON."""
    writer = csv.writer(_Line())
    yield str(writer.writerow(columns))
    for row in rows:
        yield str(writer.writerow([cell(row[column]) for column in columns]))


def cell(value: Any) -> str:
    """The value as text that no spreadsheet computes: an apostrophe goes before what would be a formula."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    elif isinstance(value, list | tuple):
        text = " ".join(map(str, value))
    else:
        text = str(value)
    # Blanks before the sign do not make it harmless.
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULAS) else text
