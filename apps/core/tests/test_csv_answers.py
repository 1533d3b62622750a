"""CSV: one line a row, and no cell that a spreadsheet computes."""

import csv
import io
from typing import Any

import pytest

from apps.core.http.csv_answers import cell, csv_answer, csv_lines


class TestACell:
    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "\u00a0="])
    def test_that_would_be_a_formula_begins_with_an_apostrophe(self, start: str) -> None:
        text = f"{start}cmd|' /C calc'!A0"
        assert cell(text) == f"'{text}"

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, ""),
            ("", ""),
            (7, "7"),
            ("a=b", "a=b"),
            (["=1", "b"], "'=1 b"),
            ([], ""),
            ({"b": "=1", "a": None}, '{"a": null, "b": "=1"}'),
        ],
    )
    def test_shows_any_value(self, value: Any, text: str) -> None:
        assert cell(value) == text


class TestAFile:
    def test_is_read_back_as_it_was_whatever_is_in_it(self) -> None:
        rows = [{"a": 'x,"y"\nz', "b": 1}, {"a": "ü", "b": None}]
        text = "".join(csv_lines(["a", "b"], rows))
        assert text.startswith("a,b\r\n")
        assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], ['x,"y"\nz', "1"], ["ü", ""]]

    def test_is_an_attachment_in_utf_8(self) -> None:
        answer = csv_answer(name="x.csv", columns=["a"], rows=[{"a": "ü"}])
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == 'attachment; filename="x.csv"'
        assert answer.getvalue() == "a\r\nü\r\n".encode()
