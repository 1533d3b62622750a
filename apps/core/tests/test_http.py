"""The HTTP kit: every answer in the envelope, strict input, closed by default."""

import json
import sys

import pytest
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Conflict, DomainError, Kind
from apps.core.http import serializers
from apps.core.http.views import View


class Shape(serializers.StrictSerializer):
    """Every strict field."""

    text = serializers.TextField(max_length=10, required=False)
    number = serializers.WholeNumberField(min_value=0, required=False)
    amount = serializers.AmountField(required=False)
    isin = serializers.IsinField(required=False)
    address = serializers.AddressField(required=False)
    id = serializers.IdField(required=False)


class Echo(View):
    """Open to all, answers what it read."""

    authentication_classes = ()
    public = True
    reads_query = True

    def get(self, request: Request) -> Response:
        return Response(serializers.read_query(request, Shape))

    def post(self, request: Request) -> Response:
        return Response(serializers.read_body(request, Shape))

    def delete(self, request: Request) -> Response:
        raise Conflict(state="busy")

    def put(self, request: Request) -> Response:
        raise ZeroDivisionError


class Busy(DomainError):
    """Try again, and how soon."""

    code, kind, retry_after = "busy", Kind.UNAVAILABLE, 7


class Waits(View):
    """Refuses for now."""

    authentication_classes = ()
    public = True

    def get(self, request: Request) -> Response:
        raise Busy

    def post(self, request: Request) -> Response:
        error = Busy()
        error.retry_after, error.headers = None, {"Link": "</api/docs>"}
        raise error


class Closed(View):
    """Says nothing about who may call it."""

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("api/echo", Echo.as_view()),
    path("api/closed", Closed.as_view()),
    path("api/waits", Waits.as_view()),
]
handler404 = "apps.core.http.error_pages.not_found"


def post(body: str | bytes, content_type: str = "application/json") -> tuple[int, dict]:
    response = Client().post("/api/echo", body, content_type=content_type)
    return response.status_code, response.json()


@pytest.mark.django_db
@pytest.mark.urls(__name__)
class TestEnvelope:
    def test_wraps_success(self) -> None:
        status, body = post('{"text": "a"}')
        assert (status, body["success"], body["data"]) == (200, True, {"text": "a"})
        assert body["timestamp"].endswith("Z")

    def test_wraps_a_business_error_with_its_details(self) -> None:
        response = Client().delete("/api/echo", headers={"X-Request-ID": "my-id"})
        body = response.json()
        assert (response.status_code, body["success"], body["request_id"]) == (409, False, "my-id")
        assert body["error"]["code"] == "conflict"
        assert (body["error"]["details"], body["error"]["context"]) == ([], {"state": "busy"})

    def test_says_when_to_try_again(self) -> None:
        response = Client().get("/api/waits")
        assert (response.status_code, response["Retry-After"]) == (503, "7")

    def test_carries_what_headers_an_error_brings(self) -> None:
        response = Client().post("/api/waits", b"", content_type="application/json")
        assert (response["Link"], response.has_header("Retry-After")) == ("</api/docs>", False)

    def test_hides_an_unexpected_error_and_says_500(self) -> None:
        response = Client().put("/api/echo", "{}", content_type="application/json")
        assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
        assert "ZeroDivision" not in response.content.decode()

    @pytest.mark.parametrize(
        ("method", "url", "status"),
        [("patch", "/api/echo", 405), ("patch", "/api/echo?is=unknown", 405), ("get", "/api/nowhere", 404)],
    )
    def test_wraps_what_no_view_answered(self, method: str, url: str, status: int) -> None:
        response = getattr(Client(), method)(url)
        assert (response.status_code, response.json()["success"]) == (status, False)

    def test_answers_a_path_with_a_trailing_slash_too(self) -> None:
        assert Client().get("/api/echo/").status_code == 200
        assert Client().get("/api/echo//").status_code == 404

    def test_a_view_that_names_no_role_is_closed(self) -> None:
        assert Client().get("/api/closed").status_code == 401


@pytest.mark.django_db
@pytest.mark.urls(__name__)
class TestStrictInput:
    @pytest.mark.parametrize(
        "body",
        [
            "[]",
            '"text"',
            "{",
            '{"number": NaN}',
            '{"number": Infinity}',
            '{"number": -Infinity}',
            '{"text": "a", "text": "b"}',
            '{"number": ' + "9" * 5000 + "}",
            "[" * 100_000,
            '{"a":' * 100_000 + "1" + "}" * 100_000,
            b"\xff\xfe",
            '{"text": "\\u0000"}',
            '{"text": "\\ud800"}',
            '{"\\ud800": 1}',
            '{"text": 1}',
            '{"text": true}',
            '{"number": true}',
            '{"number": "1"}',
            '{"number": -0}',
            '{"number": 1.0}',
            '{"number": -1}',
            '{"amount": 1}',
            '{"amount": "1e5"}',
            '{"amount": "-1"}',
            '{"amount": "1_000"}',
            '{"amount": "١٢"}',
            '{"amount": "１"}',
            '{"amount": "NaN"}',
            '{"isin": "US0378331006"}',
            '{"isin": "us0378331005"}',
            '{"isin": " US0378331005"}',
            '{"isin": "not an isin"}',
            '{"address": "0x12"}',
            '{"id": 5}',
            '{"id": "01a2006af435713882 9e805f6fdf43a7"}',
            '{"id": "{01a2006a-f435-7138-829e-805f6fdf43a7}"}',
            '{"id": "urn:uuid:01a2006a-f435-7138-829e-805f6fdf43a7"}',
            '{"id": "01a2006af4357138829e805f6fdf43a7"}',
            '{"id": "０１a2006a-f435-7138-829e-805f6fdf43a7"}',
            '{"id": "01a2006a-f435-7138-829e-805f6fdf43a7\\n"}',
            '{"is_staff": true}',
            '{"text": null}',
        ],
    )
    def test_is_refused_with_a_clear_4xx(self, body: str | bytes) -> None:
        status, answer = post(body)
        assert status == 400, answer
        assert answer["error"]["code"] in {"invalid", "bad_request"}
        assert answer["error"]["message"]

    def test_refuses_a_body_of_more_than_a_few_megabytes(self) -> None:
        status, answer = post('{"text": "' + "a" * 3_000_000 + '"}')
        assert (status, answer["error"]["code"]) == (413, "too_large")

    @pytest.mark.parametrize("opening", ["[", '{"a":'])
    def test_survives_deep_nesting_whatever_the_limit_on_recursion(self, opening: str) -> None:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(100_000)
        try:
            assert post(opening * 100_000)[0] == 400
        finally:
            sys.setrecursionlimit(before)

    @pytest.mark.parametrize("query", ["unknown=1", "text=a&text=b", "text=%00"])
    def test_in_a_query_is_refused_too(self, query: str) -> None:
        assert Client().get(f"/api/echo?{query}").status_code == 400

    def test_names_each_field_and_reason(self) -> None:
        _, answer = post('{"is_staff": true, "role": "OPS"}')
        assert [(e["field"], e["code"]) for e in answer["error"]["details"]] == [
            ("is_staff", "unknown_field"),
            ("role", "unknown_field"),
        ]

    def test_refuses_another_media_type(self) -> None:
        assert post("a=b", "application/x-www-form-urlencoded")[0] == 415

    def test_refuses_an_unknown_filter(self) -> None:
        assert Client().get("/api/echo?surprise=1").status_code == 400

    def test_accepts_what_is_well_formed(self) -> None:
        body = {"text": "ok", "number": 3, "amount": "12.50", "isin": "US0378331005", "address": "0x" + "Ab" * 20}
        status, answer = post(json.dumps(body))
        assert status == 200, answer
        assert answer["data"] == {**body, "address": "0x" + "ab" * 20}
