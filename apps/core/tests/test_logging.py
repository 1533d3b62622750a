"""Logs keep what failed and where, and nobody's data."""

import logging
import sys

import pytest
from django.db import IntegrityError

from apps.accounts.models import Party
from apps.accounts.types import PartyKind
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.logging import JsonFormatter, VerboseFormatter


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
