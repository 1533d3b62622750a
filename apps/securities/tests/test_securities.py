"""Creating and activating securities."""

import pytest

from apps.securities.selectors.securities import securities, security
from apps.securities.tests.factories import make_security


@pytest.mark.usefixtures("books")
class TestCreateSecurity:
    def test_creates(self) -> None:
        view = make_security()
        assert security(view.isin) == view
        assert view.status == "ACTIVE"
        assert view in securities(isins=[view.isin])
