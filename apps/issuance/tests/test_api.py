"""POST and GET /api/issuance, and /api/issuance/tokens."""

from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import Role
from apps.chain.models import TxIntent
from apps.issuance.models import IssuanceRequest
from apps.issuance.tests.factories import Issue, make_holder, make_issue
from apps.settlement.models import ExpectedMovement

URL = "/api/issuance"


@pytest.fixture(scope="class")
def issue(books: str) -> Issue:
    return make_issue(quantity_decimals=2, authorized=1_000_000, terms={"lot": 100, "min_quantity": 100})


def body(issue: Issue, **changes: Any) -> dict[str, Any]:
    draft = issue.draft()
    fields = {
        "client_request_id": draft.client_request_id,
        "isin": draft.isin,
        "party_id": str(issue.holder.pk),
        "quantity": "12.50",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def post(user: User | None, data: Any, url: str = URL) -> Any:
    return api_client(user).command(url, data)


def get(user: User | None, url: str = URL) -> Any:
    return api_client(user).get(url)


def facts() -> tuple[int, int, int]:
    return IssuanceRequest.objects.count(), TxIntent.objects.count(), ExpectedMovement.objects.count()


class TestIssuanceApi:
    def test_accepts_a_request_and_repeats_its_answer(self, issue: Issue) -> None:
        asked = body(issue)
        answer = post(issue.maker, asked)
        assert answer.status_code == 202
        data = answer.json()["data"]
        assert (data["quantity"], data["status"], data["wallet_address"]) == ("12.50", "REQUESTED", issue.wallet)
        again = post(issue.maker, asked)
        assert (again.status_code, again.json()["data"]) == (202, data)

    def test_answers_409_to_a_used_id_with_another_body(self, issue: Issue) -> None:
        asked = body(issue)
        post(issue.maker, asked)
        before = facts()
        answer = post(issue.maker, asked | {"quantity": "13.00"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "request_id_reused")
        assert facts() == before

    def test_mints_on_the_approval_of_a_second_person_only(self, issue: Issue) -> None:
        pk = post(issue.maker, body(issue)).json()["data"]["id"]
        before = facts()
        own = post(issue.maker, {}, f"{URL}/{pk}/approve")
        assert (own.status_code, own.json()["error"]["code"]) == (403, "maker_is_checker")
        assert facts() == before
        answer = post(issue.checker, {}, f"{URL}/{pk}/approve")
        assert (answer.status_code, answer.json()["data"]["status"]) == (202, "SUBMITTED")
        assert facts() == (before[0], before[1] + 1, before[2] + 1)

    def test_rejects(self, issue: Issue) -> None:
        pk = post(issue.maker, body(issue)).json()["data"]["id"]
        answer = post(issue.checker, {}, f"{URL}/{pk}/reject")
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "REJECTED")
        assert post(issue.checker, {}, f"{URL}/{pk}/approve").status_code == 409

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"quantity": 12.5}, 400),
            ({"quantity": "1e3"}, 400),
            ({"quantity": "0.00"}, 400),
            ({"quantity": "0.001"}, 400),
            ({"quantity": "9" * 60}, 400),
            ({"quantity": "10000.01"}, 422),
            ({"isin": "US0000000000"}, 400),
            ({"isin": "US5949181045"}, 404),
            ({"party_id": "x"}, 400),
            ({"party_id": None}, 400),
            ({"party_id": None, "wallet_address": "0x12"}, 400),
            ({"party_id": None, "wallet_address": "0x" + "12" * 20}, 400),
            ({"party_id": str(uuid4())}, 400),
            ({"wallet_address": "0x" + "12" * 20}, 400),
            ({"client_request_id": None}, 400),
            ({"client_request_id": "x" * 65}, 400),
            ({"surprise": 1}, 400),
        ],
    )
    def test_refuses_bad_input_and_changes_nothing(self, issue: Issue, change: dict[str, Any], status: int) -> None:
        before = facts()
        answer = post(issue.maker, body(issue, **change))
        assert answer.status_code == status, answer.json()
        assert answer.json()["success"] is False
        assert facts() == before

    def test_refuses_an_ineligible_holder_with_reasons(self, issue: Issue) -> None:
        answer = post(issue.maker, body(issue, party_id=str(make_party().pk)))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "transfer_restricted")
        assert "NO_PROFILE" in [reason["code"] for reason in answer.json()["error"]["context"]["reasons"]]

    @pytest.mark.parametrize("role", [Role.INVESTOR, Role.COMPLIANCE, Role.OPS])
    def test_is_for_issuers_only(self, issue: Issue, role: Role) -> None:
        before = facts()
        assert post(make_user(role=role), body(issue)).status_code == 403
        assert post(None, body(issue)).status_code == 401
        assert facts() == before

    def test_shows_each_its_own(self, issue: Issue) -> None:
        pk = post(issue.maker, body(issue)).json()["data"]["id"]
        stranger, other = make_user(role=Role.ISSUER), make_user(role=Role.INVESTOR)
        holder = make_user(party=issue.holder, role=Role.INVESTOR)
        for user, status in ((issue.maker, 200), (holder, 200), (stranger, 404), (other, 404)):
            assert get(user, f"{URL}/{pk}").status_code == status
            listed = [row["id"] for row in get(user).json()["data"]["results"]]
            assert (pk in listed) == (status == 200)
        for role in (Role.OPS, Role.COMPLIANCE):
            assert get(make_user(role=role), f"{URL}/{pk}").status_code == 200
        assert post(stranger, {}, f"{URL}/{pk}/approve").status_code == 404

    def test_filters(self, issue: Issue) -> None:
        pk = post(issue.maker, body(issue)).json()["data"]["id"]
        isin = issue.security.isin

        def listed(query: str) -> list[str]:
            return [row["id"] for row in get(issue.maker, f"{URL}?{query}").json()["data"]["results"]]

        assert pk in listed(f"isin={isin}&status=REQUESTED")
        assert pk not in listed("isin=US0378331005")
        assert pk not in listed("status=COMPLETED")
        assert get(issue.maker, f"{URL}?status=NONSENSE").status_code == 400
        assert get(issue.maker, f"{URL}?unknown=1").status_code == 400


class TestTokensApi:
    def test_shows_a_token_to_whoever_is_logged_in(self, issue: Issue) -> None:
        party, _ = make_holder(issue.security.isin)
        answer = get(make_user(party=party), f"{URL}/tokens/{issue.security.isin}")
        assert (answer.status_code, answer.json()["data"]["state"]) == (200, "LIVE")
        assert answer.json()["data"]["address"].startswith("0x")
        assert get(issue.maker, f"{URL}/tokens/US5949181045").status_code == 404
        assert get(None, f"{URL}/tokens/{issue.security.isin}").status_code == 401

    def test_lets_only_its_issuer_and_operations_order_one(self, issue: Issue) -> None:
        order = {"isin": issue.security.isin}
        assert post(make_user(role=Role.ISSUER), order, f"{URL}/tokens").status_code == 404
        assert post(make_user(role=Role.INVESTOR), order, f"{URL}/tokens").status_code == 403
        assert post(issue.maker, order | {"agents": ["0x1"]}, f"{URL}/tokens").status_code == 400
