"""One refusal, two faces: the envelope, and application/problem+json (RFC 9457) for who prefers it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.test import Client
from django.urls import path

from apps.core.http.error_pages import forged
from apps.core.tests import test_http as kit

urlpatterns = [*kit.urlpatterns, path("page", lambda _: HttpResponse("page"))]
handler400 = "apps.core.http.error_pages.bad_request"
handler403 = "apps.core.http.error_pages.forbidden"
handler404 = "apps.core.http.error_pages.not_found"
handler500 = "apps.core.http.error_pages.server_error"
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
PROBLEM = "application/problem+json"


class Failing:
    """A middleware that fails as the header `X-Fail` says."""

    FAILURES = {
        "400": SuspiciousOperation("secret"),
        "multipart": MultiPartParserError("secret"),
        "403": PermissionDenied("secret"),
        "404": Http404("secret"),
        "500": ZeroDivisionError("secret"),
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        raise self.FAILURES[request.headers["X-Fail"]]


@pytest.fixture
def failing(settings: Any) -> Client:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Failing"]
    return Client(raise_request_exception=False)


class TestProblem:
    @pytest.mark.parametrize(
        "accept",
        [
            PROBLEM,
            f"{PROBLEM}, application/json",
            f"application/json, {PROBLEM}",
            f"application/json;q=0.8, {PROBLEM};q=0.9",
            f"*/*, {PROBLEM};q=0.5",
        ],
    )
    def test_is_answered_where_it_is_preferred(self, accept: str) -> None:
        response = Client().delete("/api/echo", headers={"Accept": accept, "X-Request-ID": "mine"})
        assert (response.status_code, response["Content-Type"]) == (409, PROBLEM)
        assert "Accept" in response["Vary"].split(", ")
        assert response.json() == {
            "type": "https://localhost/api/docs/errors#conflict",
            "title": "The command conflicts with the present state.",
            "status": 409,
            "detail": "The command conflicts with the present state.",
            "instance": "/api/echo",
            "code": "conflict",
            "errors": [],
            "context": {"state": "busy"},
            "request_id": "mine",
        }

    @pytest.mark.parametrize(
        "accept",
        ["*/*", "application/*", "application/json", f"application/json, {PROBLEM};q=0.9", f"*/*, {PROBLEM};q=0"],
    )
    def test_is_not_forced_on_others(self, accept: str) -> None:
        response = Client().delete("/api/echo", headers={"Accept": accept})
        assert (response["Content-Type"], response.json()["success"]) == ("application/json", False)

    def test_lists_fields(self) -> None:
        response = Client().get("/api/echo?surprise=1", headers={"Accept": PROBLEM})
        assert response.json()["errors"] == [
            {"field": "surprise", "code": "unknown_field", "message": "Unknown field."}
        ]

    def test_keeps_headers(self) -> None:
        assert Client().get("/api/waits", headers={"Accept": PROBLEM})["Retry-After"] == "7"

    @pytest.mark.parametrize(
        ("method", "url", "status"),
        [
            ("get", "/api/nowhere", 404),
            ("get", "/api", 404),
            ("get", "/nowhere", 404),
            ("patch", "/api/echo", 405),
            ("get", "/api/closed", 401),
            ("put", "/api/echo", 500),
            ("get", "/api/echo?text=%ff", 400),
        ],
    )
    def test_is_what_every_refusal_can_be(self, method: str, url: str, status: int) -> None:
        response = getattr(Client(), method)(url, headers={"Accept": PROBLEM, "X-Request-ID": "mine"})
        body = response.json()
        assert (response.status_code, response["Content-Type"]) == (status, PROBLEM)
        assert (body["status"], body["request_id"], body["instance"]) == (status, "mine", url.partition("?")[0])


class TestErrorOfAMiddleware:
    CASES = [
        ("400", 400, "bad_request"),
        ("multipart", 400, "bad_request"),
        ("403", 403, "forbidden"),
        ("404", 404, "not_found"),
        ("500", 500, "internal_error"),
    ]

    @pytest.mark.parametrize(("failure", "status", "code"), CASES)
    def test_is_in_the_envelope(self, failing: Client, failure: str, status: int, code: str) -> None:
        response = failing.get("/api/echo", headers={"X-Fail": failure, "X-Request-ID": "mine"})
        body = response.json()
        assert (response.status_code, body["error"]["code"], body["request_id"]) == (status, code, "mine")
        assert (response["X-Request-ID"], response["Cache-Control"]) == ("mine", "no-store")
        assert "secret" not in response.content.decode()

    @pytest.mark.parametrize(("failure", "status", "code"), CASES)
    def test_is_a_problem(self, failing: Client, failure: str, status: int, code: str) -> None:
        response = failing.get("/api/echo", headers={"X-Fail": failure, "Accept": PROBLEM})
        assert (response["Content-Type"], response.json()["code"]) == (PROBLEM, code)

    @pytest.mark.parametrize(("failure", "status", "code"), CASES)
    def test_is_a_page_to_a_browser(self, failing: Client, failure: str, status: int, code: str) -> None:
        response = failing.get("/page", headers={"X-Fail": failure, "Accept": "text/html,*/*;q=0.8"})
        assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert response["X-Request-ID"]
        assert "secret" not in response.content.decode()


class TestForgedForm:
    def test_is_told_to_each_in_its_words(self, rf: Any) -> None:
        for headers, content_type in (
            ({}, "text/html; charset=utf-8"),
            ({"HTTP_ACCEPT": "application/json"}, "application/json"),
        ):
            response = forged(rf.post("/page", **headers), reason="no token")
            assert (response.status_code, response["Content-Type"]) == (403, content_type)

    def test_is_what_django_asks(self) -> None:
        response = Client(enforce_csrf_checks=True).post("/page", headers={"Accept": "application/json"})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")
