"""GET /api/settlement/instructions."""

from typing import Any

import pytest

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.core import clock
from apps.core.db import unit_of_work
from apps.settlement.models import SettlementInstruction
from apps.settlement.services.status import LATE, cancel
from apps.settlement.tests.logs import ALICE
from apps.settlement.tests.paper import ISIN, Paper

URL = "/api/settlement/instructions"


@pytest.fixture(scope="class")
def paper(books: str) -> Paper:
    return Paper()


@pytest.fixture(scope="class")
def row(paper: Paper) -> SettlementInstruction:
    return paper.trade(quantity=10, amount=12_500_000)


def get(user: User | None, path: str = "") -> Any:
    return api_client(user).get(URL + path)


def listed(user: User, query: str = "") -> list[str]:
    return [found["id"] for found in get(user, query).json()["data"]["results"]]


class TestInstructionsApi:
    def test_shows_amounts_as_decimals_and_the_callers_side(self, paper: Paper, row: SettlementInstruction) -> None:
        data = get(make_user(party=paper.alice), f"/{row.pk}").json()["data"]
        assert (data["quantity"], data["cash_amount"], data["side"]) == ("10", "12.500000", "SELL")
        assert (data["processing_status"], data["settlement_status"]) == ("PACK", "PEND")
        assert data["seller_wallet"] == ALICE
        assert [event["settlement_status"] for event in data["history"]] == ["PEND"]

    def test_keeps_the_other_party_to_itself(self, paper: Paper, row: SettlementInstruction) -> None:
        seen = get(make_user(party=paper.alice), f"/{row.pk}").json()["data"]
        assert (seen["seller_party_id"], seen["buyer_party_id"]) == (str(paper.alice.pk), None)
        whole = get(make_user(role=Role.OPS), f"/{row.pk}").json()["data"]
        assert (whole["seller_party_id"], whole["buyer_party_id"]) == (str(paper.alice.pk), str(paper.bob.pk))

    def test_hides_what_is_anothers(self, paper: Paper, row: SettlementInstruction) -> None:
        stranger = make_user()
        assert get(stranger, f"/{row.pk}").status_code == 404
        assert listed(stranger) == []
        for user in (make_user(party=paper.bob), make_user(role=Role.COMPLIANCE)):
            assert get(user, f"/{row.pk}").status_code == 200
            assert str(row.pk) in listed(user)

    def test_needs_a_login_and_a_role(self, row: SettlementInstruction) -> None:
        assert get(None).status_code == 401
        assert get(make_user(role=Role.ISSUER)).status_code == 403

    def test_filters(self, paper: Paper, row: SettlementInstruction) -> None:
        ops, ended = make_user(role=Role.OPS), paper.trade()
        with unit_of_work():
            cancel(rows=[ended], failure=LATE, now=clock.now())
        assert listed(ops, f"?isin={ISIN}&status=PEND") == [str(row.pk)]
        assert listed(ops, "?status=CANC") == [str(ended.pk)]
        assert listed(ops, "?isin=US5949181045") == []
        assert get(ops, "?status=OPEN").status_code == 400
        assert get(ops, "?isin=nonsense").status_code == 400
