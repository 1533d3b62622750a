"""What no request may be, whatever its address, and what every answer says of itself."""

import gzip
import io
import zlib
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from werkzeug.test import Client as WsgiClient
from werkzeug.test import TestResponse

from apps.core.tests import test_http as kit
from config.wsgi import application

urlpatterns = kit.urlpatterns
handler400 = "apps.core.http.error_pages.bad_request"
handler404 = "apps.core.http.error_pages.not_found"
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
JSON = "application/json"


def refused(response: HttpResponse | TestResponse, status: int, code: str) -> None:
    body = response.json() if isinstance(response, HttpResponse) else response.get_json()
    assert (response.status_code, body["success"], body["error"]["code"]) == (status, False, code), body


def post(content_type: str = JSON, body: bytes = b'{"text": "a"}', **headers: str) -> HttpResponse:
    return Client().generic("POST", "/api/echo", body, content_type, **headers)


class TestBodies:
    @pytest.mark.parametrize("charset", ["zlib", "utf-7", "utf-16", "latin-1", "unicode_escape", "idna", "undefined"])
    def test_in_another_charset_are_refused(self, charset: str) -> None:
        body = zlib.compress(b'{"text": "a"}')
        refused(post(f"{JSON}; charset={charset}", body), 415, "unsupported_media_type")

    @pytest.mark.parametrize("sent", ["text/xml", "", "text/json", "application/jsonp", "application/json; charset=x"])
    def test_of_another_type_are_refused_with_the_one_there_is(self, sent: str) -> None:
        response = post(sent)
        refused(response, 415, "unsupported_media_type")
        assert response["Accept"] == JSON

    @pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
    def test_in_utf_8_are_read(self, charset: str) -> None:
        assert post(f"{JSON}; charset={charset}").status_code == 200

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "identity, gzip", "x"])
    def test_are_never_inflated(self, encoding: str) -> None:
        bomb = gzip.compress(b"0" * 1_000_000)
        response = post(body=bomb, HTTP_CONTENT_ENCODING=encoding)
        refused(response, 415, "unsupported_media_type")
        assert response["Accept-Encoding"] == "identity"

    def test_may_say_that_they_are_not_encoded(self) -> None:
        assert post(HTTP_CONTENT_ENCODING="identity").status_code == 200

    def test_in_chunks_are_not_taken_for_none(self) -> None:
        environ: dict[str, Any] = {
            "PATH_INFO": "/api/echo",
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": JSON,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": io.BytesIO(b'{"text": "a"}'),
        }
        refused(Client().request(**environ), 411, "length_required")

    def test_cannot_change_the_method(self) -> None:
        for header in ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD"):
            assert post(**{header: "DELETE"}).json()["data"] == {"text": "a"}


class TestContentTypes:
    """Through the application as servers call it: Django's test client makes its requests another way."""

    @pytest.mark.parametrize(
        ("parameter", "status"),
        [
            ("charset=zlib", 415),
            ("charset=undefined", 415),
            ("charset=idna", 415),
            ("charset*=nonsense''%41", 400),
            ("charset*=utf-8''%00", 415),
            ("charset*=zlib''%41", 415),
            ("charset*=utf-8''a''b", 415),
        ],
    )
    def test_that_servers_stumbled_over_are_refused(self, parameter: str, status: int) -> None:
        headers = {"Content-Type": f"{JSON}; {parameter}", "Accept": "application/json"}
        for url in ("/api/echo", "/api/echo?text=%41"):
            answer = WsgiClient(application).post(url, data=b'{"text": "a"}', headers=headers)
            refused(answer, status, {400: "bad_request", 415: "unsupported_media_type"}[status])
            assert answer.headers["X-Request-ID"]
            assert len(answer.data) < 1_000

    def test_with_too_many_parameters_beside_are_refused(self) -> None:
        headers = {"Content-Type": f"{JSON}; charset=utf-8"}
        answer = WsgiClient(application).get(f"/api/echo?{'a=1&' * 1_500}", headers=headers)
        refused(answer, 400, "bad_request")


class TestQueries:
    @pytest.mark.parametrize("query", ["text=%ff%fe", "text=%", "text=%zz", "text=%4", "te%00xt=a", "text=%ed%a0%80"])
    def test_that_are_no_text_are_refused(self, query: str) -> None:
        refused(Client().get("/api/echo", QUERY_STRING=query), 400, "bad_request")

    def test_of_raw_bytes_are_refused(self) -> None:
        refused(Client().get("/api/echo", QUERY_STRING="text=\xff"), 400, "bad_request")

    def test_of_too_many_parameters_are_refused(self) -> None:
        refused(Client().get("/api/echo", QUERY_STRING="&".join("a=1" for _ in range(5_000))), 400, "bad_request")
        refused(Client().get("/api/echo", QUERY_STRING="&".join(f"a{n}=1" for n in range(999))), 400, "invalid")


class TestHeaders:
    def test_that_cannot_be_read_are_refused(self) -> None:
        refused(Client().get("/api/echo", headers={"Accept": "a/b; c*=nonsense''%41"}), 400, "bad_request")

    @pytest.mark.parametrize(
        "accept", ["text/html", "image/*", "application/json;q=0", "*/*;q=0", "application/xml", "a/b; c*=zlib''%41"]
    )
    def test_that_accept_no_json_are_a_406(self, accept: str) -> None:
        refused(Client().get("/api/echo", headers={"Accept": accept}), 406, "not_acceptable")

    @pytest.mark.parametrize(
        "accept",
        [
            *("*/*", "application/*", "text/html, */*;q=0.1", "application/problem+json", "", "nonsense, */*", None),
            *("application/json; charset=utf-8", "application/json;version=1, text/html", "Application/JSON"),
        ],
    )
    def test_that_accept_json_get_it(self, accept: str | None) -> None:
        headers = {} if accept is None else {"Accept": accept}
        answer = Client().get("/api/echo", headers=headers)
        assert (answer.status_code, answer["Content-Type"]) == (200, JSON)

    @pytest.mark.parametrize("debug", [False, True])
    def test_of_another_host_are_refused(self, settings: Any, debug: bool) -> None:
        settings.DEBUG, settings.ALLOWED_HOSTS = debug, ["books.example.com"]
        for host in ("evil.example.com", "books.example.com@evil", "\x00", "a" * 300, "[::1"):
            refused(Client().get("/api/echo", HTTP_HOST=host), 400, "bad_request")
        assert Client().get("/api/echo", HTTP_HOST="books.example.com").status_code == 200


class TestAnswers:
    @pytest.mark.parametrize("url", ["/api/echo", "/api/closed", "/api/nowhere", "/api", "/api/"])
    def test_are_never_cached_and_differ_by_accept(self, url: str) -> None:
        response = Client().get(url)
        assert response["Cache-Control"] == "no-store"
        assert "Accept" in response["Vary"].split(", ")

    def test_to_head_are_those_to_get_without_a_body(self) -> None:
        head, get = Client().head("/api/echo"), Client().get("/api/echo")
        assert (head.status_code, head["Content-Type"], head.content) == (200, get["Content-Type"], b"")

    def test_to_options_say_what_there_is_to_anyone(self) -> None:
        response = Client().options("/api/closed")
        assert (response.status_code, response["Allow"], response.content) == (204, "GET, HEAD, OPTIONS", b"")

    def test_to_another_method_say_what_there_is(self) -> None:
        response = Client().generic("TRACE", "/api/echo")
        refused(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, POST, PUT, DELETE, HEAD, OPTIONS"
