"""The registry of error codes is whole, contradicts itself nowhere, and is what docs/errors.md says."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework import serializers

from apps.core.errors import DomainError, Kind, NotFound
from apps.core.http.code_docs import errors_page
from apps.core.http.codes import FIELD_CODES, KIT, ContradictoryCodes, ErrorCode, all_codes, domain_errors, joined
from apps.core.http.serializers import StrictSerializer

RAISED = {"ValidationError", "ErrorDetail"}
# Messages of DRF's fields that ours never reach: they refuse such values before.
UNREACHED = {"date", "datetime", "make_aware", "max_digits", "max_decimal_places", "max_whole_digits", "not_found"}


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((settings.BASE_DIR / "apps").rglob("*.py")):
        if "tests" not in path.parts:
            yield path, ast.parse(path.read_text())


def _codes_raised() -> Iterator[tuple[str, str]]:
    """(file, code) of every field error that is written out in the code."""
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in RAISED:
                for keyword in node.keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                        yield str(path), str(keyword.value.value)


def _shapes(shape: type[StrictSerializer] = StrictSerializer) -> Iterator[type[StrictSerializer]]:
    for each in shape.__subclasses__():
        yield each
        yield from _shapes(each)


def _fields(shape: serializers.BaseSerializer) -> Iterator[serializers.Field]:
    for field in getattr(shape, "fields", {}).values():
        yield field
        yield from _fields(getattr(field, "child", field))


class TestRegistry:
    def test_has_every_business_error(self) -> None:
        codes = all_codes()
        classes = domain_errors()
        assert len(classes) > 60
        for error in classes:
            assert codes[error.code].status // 100 in {4, 5}, error
            assert error.code != DomainError.code, f"{error.__name__} has no code of its own"
            assert error.message != DomainError.message, f"{error.__name__} has no message of its own"
            assert (error.__doc__ or "").strip(), f"{error.__name__} says not what it means"

    def test_refuses_one_code_of_two_kinds(self) -> None:
        one = ErrorCode("same", 409, "One.", "One.", "Wait.")
        assert joined(one, ErrorCode("same", 409, "Two.", "Two.", "Wait.")).meaning == "One. Two."
        with pytest.raises(ContradictoryCodes, match="same: 409 and 422"):
            joined(one, ErrorCode("same", 422, "Two.", "Two.", "Wait."))

    def test_finds_a_subclass_wherever_it_is_declared(self) -> None:
        body = {"__module__": "apps.core.late", "code": "not_found", "kind": Kind.CONFLICT, "message": "Gone."}
        late = type("Late", (NotFound,), body)
        assert late in domain_errors()
        with pytest.raises(ContradictoryCodes, match="not_found"):
            all_codes()
        late.__module__ = "apps.core.tests.late"
        assert all_codes()["not_found"].status == 404

    def test_has_every_code_of_a_field_that_is_raised(self) -> None:
        raised = set(_codes_raised())
        assert len(raised) > 5
        assert {(path, code) for path, code in raised if code not in FIELD_CODES} == set()

    def test_has_every_code_that_a_field_of_ours_can_answer(self) -> None:
        all_codes()  # loads the views, and with them their shapes
        missing = {
            (type(field).__name__, code)
            for shape in _shapes()
            for field in _fields(shape())
            for code in [*field.error_messages, *(getattr(v, "code", "invalid") for v in field.validators)]
            if code not in FIELD_CODES.keys() | UNREACHED
        }
        assert missing == set()

    def test_has_a_code_for_each_status_of_the_kit(self) -> None:
        assert {400, 401, 403, 404, 405, 406, 411, 413, 415, 429, 500, 503} <= KIT.keys()


class TestDocs:
    def test_are_what_the_registry_makes_of_them(self) -> None:
        call_command("error_codes", check=True)

    def test_that_are_out_of_date_are_noticed_and_made_again(self, settings: Any, tmp_path: Path) -> None:
        settings.BASE_DIR = tmp_path
        (tmp_path / "docs").mkdir()
        with pytest.raises(CommandError, match="out of date"):
            call_command("error_codes", check=True)
        call_command("error_codes")
        assert (tmp_path / "docs" / "errors.md").read_text() == errors_page()

    def test_have_a_heading_and_the_page_an_anchor_for_each_code(self) -> None:
        page, html = errors_page(), Client().get("/api/docs/errors").content.decode()
        for code, each in all_codes().items():
            assert f"\n### {code}\n\nStatus {each.status}. " in page
            assert f'<section id="{code}">' in html
            assert each.address.endswith(f"/api/docs/errors#{code}")
