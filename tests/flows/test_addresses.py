"""Every address under /api/ is answered in the envelope, whatever bytes it is made of."""

import pytest

from apps.accounts.testing import api_client

ODD = ["%0A", "a%0Ab", "%C2%8F%112%0A", "%0D%0Ax", "%E2%80%A8", "a/b/%0A/c", "%2F%0A", "..%2F%0A"]


@pytest.mark.django_db
class TestAddressesThatNobodyAnswers:
    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize("room", ["", "securities/", "dex/orders/", "webhooks/"])
    def test_are_a_404_in_the_envelope(self, room: str, odd: str) -> None:
        answer = api_client().get(f"/api/{room}{odd}")
        assert answer["Content-Type"] == "application/json"
        assert answer.json()["error"]["code"] in {"not_found", "authentication_required", "method_not_allowed"}
