"""Logs keep what failed and where, and nobody's data."""

import json
import logging
import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError

from apps.accounts.models import Party
from apps.accounts.types import PartyKind
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.logging import JsonFormatter, RequestIdFilter, VerboseFormatter
from apps.core.request_id import begin


def logged(formatter: logging.Formatter) -> str:
    """The record of the exception being handled."""
    return formatter.format(logging.LogRecord("apps", logging.ERROR, "f.py", 1, "unhandled error", (), sys.exc_info()))


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("formatter", [JsonFormatter(), VerboseFormatter()], ids=["json", "verbose"])
class TestAFailureOfTheDatabase:
    def test_is_logged_without_the_row_that_it_quotes(self, formatter: logging.Formatter) -> None:
        party = Party(kind=PartyKind.NATURAL, legal_name="Ada\nExample", country="??", created_at=clock.now())
        try:
            with unit_of_work():
                party.save()
        except IntegrityError:
            text = logged(formatter)
        assert "party_country_alpha2" in text
        assert "Traceback" in text
        assert "Ada" not in text
        assert "Example" not in text

    def test_keeps_where_it_happened_and_what_followed(self, formatter: logging.Formatter) -> None:
        party = Party(kind="?", legal_name="Ada", country="US", created_at=clock.now())
        try:
            try:
                with unit_of_work():
                    party.save()
            except IntegrityError as error:
                raise RuntimeError("what followed") from error
        except RuntimeError:
            text = logged(formatter)
        assert "what followed" in text
        assert "test_logging.py" in text
        assert "Ada" not in text


CANARY = "hunter2Canary9"
FORGED = "\r\n2026-01-01 00:00:00,000 ERROR apps forged\x1b[31m\x9b31m\u2028\u202e\ud800"


class Leaky:
    """Says its password when it is printed."""

    def __str__(self) -> str:
        return f"Leaky(password={CANARY!r})"


class Broken:
    """Cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError(CANARY)


def record(msg: object, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("apps.core").makeRecord(
        "apps.core", logging.INFO, "f.py", 1, msg, args, sys.exc_info() if sys.exc_info()[0] else None, extra=extra
    )
    RequestIdFilter().filter(made)
    return made


def fail(cause: Exception | None, error: Exception) -> None:
    raise error from cause


SAYINGS: list[Callable[[], logging.LogRecord]] = [
    lambda: record("password=%s", CANARY),
    lambda: record("%(a)s", {"a": f"token={CANARY}"}),
    lambda: record("sent %s", {"password": CANARY}),
    lambda: record("sent %s", Leaky()),
    lambda: record("sent", password=CANARY),
    lambda: record("sent", body={"user": [{"refresh_token": CANARY}]}),
    lambda: record("sent", headers=[("Authorization", f"Bearer {CANARY}")], text=f"Authorization: Bearer {CANARY}"),
    lambda: record("sent", party={"legal_name": CANARY, "email": CANARY, "document_number": CANARY}),
    lambda: record("sent", url=f"https://u:{CANARY}@host/x?token={CANARY}"),
    lambda: record("sent", thing=Leaky()),
    lambda: record("sent", raw=CANARY.encode()),
    lambda: record({"event": "login", "password": CANARY}),
    lambda: record("sent", broken=Broken()),
    lambda: record("%s", Broken()),
    lambda: record("%d", f"password={CANARY}"),
]


@pytest.mark.parametrize("formatter", [JsonFormatter(), VerboseFormatter()], ids=["json", "verbose"])
class TestARecord:
    @pytest.mark.parametrize("saying", range(len(SAYINGS)))
    def test_tells_no_secret_wherever_it_stands(self, formatter: logging.Formatter, saying: int) -> None:
        text = formatter.format(SAYINGS[saying]())
        assert CANARY not in text

    def test_tells_none_in_a_traceback(self, formatter: logging.Formatter) -> None:
        try:
            fail(ValueError(f"password={CANARY}"), RuntimeError(f"postgres://app:{CANARY}@db/books"))
        except RuntimeError:
            text = formatter.format(record("failed"))
        assert CANARY not in text
        assert "RuntimeError" in text
        assert "ValueError" in text

    def test_tells_none_of_the_process_own(self, formatter: logging.Formatter) -> None:
        text = type(formatter)([CANARY]).format(record("said %s", CANARY, where={CANARY: CANARY}))
        assert CANARY not in text

    def test_is_one_line_without_colours_whatever_is_in_it(self, formatter: logging.Formatter) -> None:
        text = formatter.format(record(f"a{FORGED}", **{f"k{FORGED}": f"v{FORGED}", "n": {f"k{FORGED}": [FORGED]}}))
        assert len(text.splitlines()) == 1
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", text)
        text.encode()

    def test_forges_no_line_by_an_exceptions_text(self, formatter: logging.Formatter) -> None:
        try:
            fail(None, ValueError(FORGED))
        except ValueError:
            lines = formatter.format(record("failed")).split("\n")
        assert all(line.startswith("    ") for line in lines[1:])
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", "".join(lines))

    def test_is_bounded(self, formatter: logging.Formatter) -> None:
        deep: list = []
        for _ in range(1_000):
            deep = [deep]
        text = formatter.format(record("x" * 10**7, deep=deep, wide=list(range(10**5)), number=10**6000))
        assert len(text) < 50_000

    def test_that_its_arguments_do_not_fit_is_not_lost(self, formatter: logging.Formatter) -> None:
        assert "sent %d (its arguments do not fit)" in formatter.format(record("sent %d", "x"))


class TestJson:
    def test_is_an_object_with_the_record_and_its_fields(self) -> None:
        begin("request-7")
        line = json.loads(JsonFormatter().format(record("sent %s", "it", isin="US0378331005", n=2, ok=True, none=None)))
        assert datetime.fromisoformat(line.pop("asctime")).tzinfo == UTC
        assert line == {
            "levelname": "INFO",
            "name": "apps.core",
            "message": "sent it",
            "request_id": "request-7",
            "isin": "US0378331005",
            "n": 2,
            "ok": True,
            "none": None,
        }

    def test_is_json_for_every_kind_of_value(self) -> None:
        values = {"nan": math.nan, "inf": math.inf, "d": Decimal("1.50"), "s": {1}, "e": ValueError("x"), "b": b"x"}
        text = JsonFormatter().format(record("sent", **values, mapping={None: 1, 2: 3, (4,): 5}))
        line = json.loads(text, parse_constant=pytest.fail)
        assert line["d"] == "1.50"
        assert line["mapping"] == {"None": 1, "2": 3, "(4,)": 5}
