"""GET /api/ledger/positions."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import Role
from apps.ledger.services.accounts import assign_owner
from apps.ledger.services.holds import apply_holds
from apps.ledger.tests import factories as make

URL = "/api/ledger/positions"


def get(user: User | None, **query: Any) -> Any:
    return api_client(user).get(f"{URL}?{urlencode(query)}")


def rows(user: User, **query: Any) -> list[dict[str, Any]]:
    answer = get(user, **query)
    assert answer.status_code == 200, answer.json()
    return answer.json()["data"]["results"]


def investor_with(cash: int = 0, shares: int = 0) -> tuple[User, UUID, str]:
    """An investor's user, party and wallet with both kinds of position."""
    party, wallet = make_party(), make.make_wallet()
    make.make_account(make.CASH, posted=cash, wallet=wallet)
    make.make_account(make.ISIN, posted=shares, wallet=wallet)
    make.commit(assign_owner, wallet_address=wallet, party_id=party.pk)
    return make_user(party=party), party.pk, wallet


@pytest.mark.usefixtures("books")
class TestPositions:
    def test_of_an_investor_are_its_own_in_decimals(self) -> None:
        investor_with(cash=5, shares=5)
        user, party, wallet = investor_with(cash=12_500_000, shares=40)
        (account,) = [row["account_id"] for row in rows(user, asset=make.CASH)]
        make.commit(apply_holds, [make.hold(UUID(account), 2_250_000)])
        found = {row["asset"]: row for row in rows(user)}
        assert found.keys() == {make.CASH, make.ISIN}
        assert found[make.CASH] == {
            "account_id": account,
            "party_id": str(party),
            "asset": "USDX",
            "kind": "CASH",
            "wallet_address": wallet,
            "settled": "12.500000",
            "held": "2.250000",
            "available": "10.250000",
            "decimals": 6,
        }
        assert (found[make.ISIN]["kind"], found[make.ISIN]["settled"]) == ("POSITION", "40")

    def test_are_filtered_by_isin(self) -> None:
        user, _, _ = investor_with(cash=1, shares=2)
        assert [row["asset"] for row in rows(user, isin=make.ISIN)] == [make.ISIN]

    @pytest.mark.parametrize("role", [Role.OPS, Role.COMPLIANCE])
    def test_of_any_party_are_shown_to_officers(self, role: Role) -> None:
        _, party, wallet = investor_with(cash=1, shares=2)
        officer = make_user(role=role)
        assert {row["wallet_address"] for row in rows(officer, party_id=party)} == {wallet}
        assert len(rows(officer, limit=500)) > 2

    def test_of_another_party_do_not_exist_for_an_investor(self) -> None:
        _, party, _ = investor_with(cash=1)
        user, own, _ = investor_with(cash=2)
        assert get(user, party_id=party).status_code == 404
        assert len(rows(user, party_id=own)) == 2

    def test_of_control_accounts_are_never_shown(self) -> None:
        investor_with(cash=1, shares=1)
        kinds = {row["kind"] for row in rows(make_user(role=Role.OPS), limit=500)}
        assert kinds == {"POSITION", "CASH"}

    def test_need_a_login_and_a_role(self) -> None:
        assert get(None).status_code == 401
        assert get(make_user(role=Role.ISSUER)).status_code == 403

    @pytest.mark.parametrize(
        "query",
        [
            {"party_id": "nobody"},
            {"isin": "US0000000000"},
            {"wallet": "0x0"},
            {"isin": make.ISIN, "asset": make.ISIN},
            {"asset": "A" * 33},
        ],
    )
    def test_refuse_a_query_they_do_not_know(self, query: dict[str, str]) -> None:
        user, _, _ = investor_with()
        answer = get(user, **query)
        assert answer.status_code == 400
        assert answer.json()["success"] is False

    def test_of_a_party_nobody_knows_are_none(self) -> None:
        assert rows(make_user(role=Role.OPS), party_id=uuid4()) == []

    def test_come_in_pages(self) -> None:
        user, _, _ = investor_with(cash=1, shares=2)
        first = get(user, limit=1).json()["data"]
        second = api_client(user).get(first["next"]).json()["data"]
        assert {row["asset"] for row in [*first["results"], *second["results"]]} == {make.CASH, make.ISIN}
        assert second["next"] is None
