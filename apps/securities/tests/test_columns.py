"""Rows of SQL written out come back as the instances the ORM reads."""

import pytest

from apps.core.db import Columns, fetch_all
from apps.securities.models import Security, TradingTerms
from apps.securities.tests.factories import make_security


@pytest.mark.usefixtures("books")
class TestColumns:
    def test_read_what_the_orm_reads(self) -> None:
        isin = make_security().isin
        security, terms = Columns(Security, "s"), Columns(TradingTerms, "t")
        joined = "securities_security s JOIN securities_tradingterms t ON t.security_id = s.isin"
        rows = fetch_all(f"SELECT {security}, {terms} FROM {joined} WHERE s.isin = %s", [isin])
        found, its_terms = security.read(rows[0]), terms.read(rows[0], len(security))
        for instance, kept in ((found, Security.objects.get(pk=isin)), (its_terms, TradingTerms.objects.get(pk=isin))):
            assert vars(instance).keys() == vars(kept).keys()
            for field in kept._meta.concrete_fields:
                value = getattr(instance, field.attname)
                assert value == getattr(kept, field.attname)
                assert type(value) is type(getattr(kept, field.attname))
        assert found._state.db == "default"
        assert not found._state.adding
