"""POST and GET /api/securities."""

import json
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.selectors.trail import audit_logs
from apps.securities.models import Security
from apps.securities.selectors.securities import security
from apps.securities.tests.factories import make_isin, make_security

URL = "/api/securities"
GONE = object()


def issuer() -> ApiClient:
    return api_client(make_user(role=Role.ISSUER))


def body(**changes: Any) -> dict[str, Any]:
    given = {
        "isin": make_isin(),
        "name": "Aurora Grid 2031",
        "cfi": "ESVUFR",
        "exemption": "REG_D_506C",
        "quantity_decimals": 3,
        "authorized_quantity": "10000.5",
        "cash_asset": "USDX",
        "tick": "0.01",
        "lot": "0.1",
        "min_quantity": "0.1",
        "max_quantity": "5000",
    } | changes
    return {name: value for name, value in given.items() if value is not GONE}


def post(client: ApiClient, given: Any) -> Any:
    """Sent as a client would, so that an escape stays one."""
    return client.generic("POST", URL, json.dumps(given), content_type="application/json")


@pytest.mark.usefixtures("books")
class TestCreatingASecurity:
    def test_answers_it_as_kept_with_amounts_as_decimals(self) -> None:
        user, given = make_user(role=Role.ISSUER), body()
        answer = post(api_client(user), given)
        assert answer.status_code == 201, answer.content
        data = answer.json()["data"]
        assert data.pop("created_at")
        assert data == {
            "isin": given["isin"],
            "issuer_party_id": str(user.memberships.get().party_id),
            "name": "Aurora Grid 2031",
            "cfi": "ESVUFR",
            "exemption": "REG_D_506C",
            "quantity_decimals": 3,
            "authorized_quantity": "10000.500",
            "status": "DRAFT",
            "terms": {
                "cash_asset": "USDX",
                "cash_decimals": 6,
                "tick": "0.010000",
                "lot": "0.100",
                "min_quantity": "0.100",
                "max_quantity": "5000.000",
                "days_to_settle": 0,
            },
        }

    def test_keeps_base_units(self) -> None:
        given = body(days_to_settle=2)
        post(issuer(), given)
        view = security(given["isin"])
        assert view.authorized_quantity == 10_000_500
        terms = view.terms
        assert (terms.tick, terms.lot, terms.min_quantity, terms.max_quantity) == (10_000, 100, 100, 5_000_000)
        assert terms.days_to_settle == 2

    def test_is_recorded_with_the_request(self) -> None:
        user, given = make_user(role=Role.ISSUER), body()
        answer = post(api_client(user), given)
        row = audit_logs(action="securities.security_created", resource_id=given["isin"]).get()
        assert (row.user_id, row.request_id, row.ip) == (user.pk, answer["X-Request-ID"], "127.0.0.1")
        assert row.session_id is not None

    def test_refuses_an_isin_that_exists(self) -> None:
        given = body()
        post(issuer(), given)
        kept = security(given["isin"])
        again = post(issuer(), given | {"name": "Another"})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "duplicate_isin")
        assert security(given["isin"]) == kept

    @pytest.mark.parametrize("role", [Role.INVESTOR, Role.COMPLIANCE, Role.OPS])
    def test_is_for_issuers_alone(self, role: Role) -> None:
        given = body()
        assert post(api_client(make_user(role=role)), given).status_code == 403
        assert not Security.objects.filter(pk=given["isin"]).exists()

    def test_needs_a_login(self) -> None:
        assert post(api_client(), body()).status_code == 401

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("terms_not_in_lots", {"min_quantity": "0.15"}),
            ("terms_out_of_order", {"max_quantity": "0.1", "min_quantity": "0.2"}),
            ("tick_times_lot_not_whole", {"tick": "0.000001", "lot": "0.001", "min_quantity": "0.1"}),
            ("invalid_cfi", {"cfi": "XXXXXX"}),
            ("invalid_cfi", {"cfi": "esvufr"}),
            ("invalid_cfi", {"cfi": "ESVUF"}),
        ],
    )
    def test_names_the_rule_that_is_broken(self, code: str, changes: dict[str, Any]) -> None:
        given = body(**changes)
        answer = post(issuer(), given)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), answer.content
        assert not Security.objects.filter(pk=given["isin"]).exists()

    @pytest.mark.parametrize(
        "amount",
        [
            5,
            5.5,
            True,
            None,
            [],
            {},
            "",
            " ",
            "0",
            "0.000",
            "-1",
            "-0",
            "+1",
            "1e3",
            "1E400",
            "NaN",
            "Infinity",
            "1_000",
            "1,000",
            "１２",
            "١٢",
            "0x10",
            ".5",
            "5.",
            "1.2.3",
            "1 000",
            "1.00001",
            "9" * 39,
            "1" * 36,
            "1\x00",
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("field", ["authorized_quantity", "lot", "max_quantity"])
    def test_refuses_what_is_no_amount(self, field: str, amount: Any) -> None:
        self.assert_refused(field, amount)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("tick", "0.0000001"),
            ("tick", "0"),
            ("tick", 0.01),
            ("quantity_decimals", -1),
            ("quantity_decimals", 19),
            ("quantity_decimals", "3"),
            ("quantity_decimals", True),
            ("quantity_decimals", 3.0),
            ("quantity_decimals", 10**30),
            ("quantity_decimals", None),
            ("days_to_settle", -1),
            ("days_to_settle", 31),
            ("days_to_settle", False),
            ("days_to_settle", "0"),
            ("isin", "US0378331006"),
            ("isin", "us0378331005"),
            ("isin", "ＵＳ0378331005"),
            ("isin", 378331005),
            ("isin", None),
            ("cfi", "ESVUFRX"),
            ("cfi", 1),
            ("exemption", "NONE"),
            ("exemption", "reg_s"),
            ("exemption", 1),
            ("exemption", ["REG_S"]),
            ("exemption", {"a": "b"}),
            ("cash_asset", "DOGE"),
            ("cash_asset", ""),
            ("cash_asset", 1),
            ("name", ""),
            ("name", "x" * 121),
            ("name", True),
            ("name", "a\x00b"),
            ("name", "a\x1b[31mb"),
            ("name", "a\u202eb"),
        ],
        ids=repr,
    )
    def test_refuses_a_bad_field_and_names_it(self, field: str, value: Any) -> None:
        self.assert_refused(field, value)

    @pytest.mark.parametrize("field", [name for name in body() if name != "days_to_settle"])
    def test_refuses_a_missing_field_and_names_it(self, field: str) -> None:
        self.assert_refused(field, GONE)

    @pytest.mark.parametrize("field", ["status", "issuer_party_id", "issuer", "is_staff", "created_at", "terms"])
    def test_refuses_a_field_that_is_not_the_callers_to_set(self, field: str) -> None:
        self.assert_refused(field, "ACTIVE")

    def assert_refused(self, field: str, value: Any) -> None:
        client, before = issuer(), Security.objects.count()
        answer = post(client, body(**{field: value}))
        assert answer.status_code == 400, answer.content
        assert {error["field"] for error in answer.json()["error"]["details"]} == {field}
        assert Security.objects.count() == before

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"isin": "US0378331005", "isin": "US0378331005"}',
            b'{"name": "\\ud800"}',
            b'{"\\ud800": "x"}',
            b'{"tick": NaN}',
            b'{"tick": 1e400}',
            b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            b"[" * 100_000,
            b"9" * 100_000,
        ],
        ids=lambda raw: repr(raw[:20]),
    )
    def test_refuses_what_is_no_honest_json(self, raw: bytes) -> None:
        answer = issuer().generic("POST", URL, raw, content_type="application/json")
        assert answer.status_code == 400, answer.content


@pytest.mark.usefixtures("books")
class TestReadingSecurities:
    @pytest.mark.parametrize("role", list(Role))
    def test_is_open_to_every_role(self, role: Role) -> None:
        view, client = make_security(), api_client(make_user(role=role))
        answer = client.get(f"{URL}/{view.isin}")
        assert answer.status_code == 200
        assert (answer.json()["data"]["isin"], answer.json()["data"]["status"]) == (view.isin, "ACTIVE")
        assert client.get(URL).status_code == 200

    def test_needs_a_login(self) -> None:
        assert api_client().get(URL).status_code == 401
        assert api_client().get(f"{URL}/{make_isin()}").status_code == 401

    @pytest.mark.parametrize(
        "path", ["{isin}", "x", "us0378331005", "US0378331005%00", "%00", "..%2f", "US03783310051"]
    )
    def test_answers_404_for_what_is_none(self, path: str) -> None:
        answer = issuer().get(f"{URL}/{path.format(isin=make_isin())}")
        assert answer.status_code == 404
        assert answer.json()["success"] is False

    def test_lists_by_isin_page_by_page(self) -> None:
        user = make_user(role=Role.ISSUER)
        made = [make_security(issuer=user.memberships.get().party).isin for _ in range(5)]
        url, seen = f"{URL}?issuer_party_id={user.memberships.get().party_id}&limit=2", []
        client = api_client(user)
        while url:
            page = client.get(url).json()["data"]
            seen += [row["isin"] for row in page["results"]]
            url = page["next"]
        assert seen == sorted(made)

    def test_filters_by_status(self) -> None:
        user = make_user(role=Role.ISSUER)
        party = user.memberships.get().party
        draft, active = make_security(issuer=party, active=False), make_security(issuer=party)
        for status, view in (("DRAFT", draft), ("ACTIVE", active)):
            page = api_client(user).get(f"{URL}?issuer_party_id={party.pk}&status={status}").json()["data"]
            assert [row["isin"] for row in page["results"]] == [view.isin]

    @pytest.mark.parametrize(
        "query",
        [
            "status=LIVE",
            "status=",
            "issuer_party_id=1",
            "order=name",
            "issuer__party__legal_name=x",
            "cursor=cD0lMDA%3D",
        ],
    )
    def test_refuses_a_filter_it_does_not_know(self, query: str) -> None:
        answer = issuer().get(f"{URL}?{query}")
        assert answer.status_code in {400, 404}
        assert answer.json()["success"] is False

    def test_has_no_way_to_change_one(self) -> None:
        client, view = issuer(), make_security()
        for method in ("put", "patch", "delete", "post"):
            assert getattr(client, method)(f"{URL}/{view.isin}", {"status": "ACTIVE"}).status_code in {403, 405}

    def test_an_unknown_issuer_has_none(self) -> None:
        assert issuer().get(f"{URL}?issuer_party_id={uuid4()}").json()["data"]["results"] == []
