"""What a browser is told by each kind of answer, in production and in development alike."""

import re
from typing import Any

import pytest
from django.test import Client

NOTHING = dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'")
EVERYWHERE = {
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PAGES = {
    "/admin/login/": {"script-src": "'self' 'unsafe-eval'", "form-action": "'self'"},
    "/api/docs": {"script-src": "'self'", "form-action": "'none'"},
    "/api/redoc": {"script-src": "'self'", "worker-src": "blob:"},
}
ORIGIN = "https://desk.example.com"
MAY_SEND = {"accept", "authorization", "content-type", "idempotency-key", "x-request-id"}
# What a page has to read in order to be a good client.
MAY_READ = {
    *("X-Request-ID", "Retry-After", "Idempotency-Replayed"),
    *("RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
}


def directives(policy: str) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in policy.split(";"))


@pytest.mark.usefixtures("books")
class TestEveryAnswer:
    @pytest.mark.parametrize(
        "path",
        [
            *PAGES,
            "/api/health",
            "/api/none",
            "/none",
            "/api/docs?script=",
            "/static/unfold/css/styles.css",
            "/api/auth/me",
        ],
    )
    def test_tells_browsers_what_not_to_do(self, path: str) -> None:
        answer = Client().get(path)
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in directives(answer.headers["Content-Security-Policy"]).get("script-src", "")

    @pytest.mark.parametrize("path", ["/api/health", "/api/none", "/none", "/api/auth/me", "/api/schema", "/api/docs2"])
    def test_without_a_page_lets_nothing_run(self, path: str) -> None:
        assert directives(Client().get(path).headers["Content-Security-Policy"]) == NOTHING

    @pytest.mark.parametrize("path", PAGES)
    def test_with_a_page_lets_its_own_files_run(self, path: str) -> None:
        for address in (path, path + "/" if path.startswith("/api/") else path):
            answer = Client().get(address)
            found = directives(answer.headers["Content-Security-Policy"])
            assert answer.status_code == 200
            assert found["default-src"] == "'none'"
            assert {name: found[name] for name in PAGES[path]} == PAGES[path]
            # Whatever would stand inside of a page would not run.
            assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=\"|javascript:", answer.content.decode())

    def test_of_the_api_is_kept_by_no_cache(self) -> None:
        assert Client().get("/api/health").headers["Cache-Control"] == "no-store"
        assert "no-store" not in Client().get("/static/unfold/css/styles.css").headers.get("Cache-Control", "")


@pytest.mark.usefixtures("books")
class TestOtherOrigins:
    @pytest.fixture(autouse=True)
    def _allowed(self, settings: Any) -> None:
        settings.CORS_ALLOWED_ORIGINS = [ORIGIN]

    def preflight(self, path: str, origin: str) -> Any:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": ",".join(sorted(MAY_SEND)),
        }
        return Client().options(path, headers=asked)

    def test_that_are_listed_may_call_the_api(self) -> None:
        answer = self.preflight("/api/dex/orders", ORIGIN)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) == MAY_SEND
        assert "Access-Control-Allow-Credentials" not in answer.headers

    def test_that_are_listed_may_read_what_a_good_client_needs(self) -> None:
        for path in ("/api/health", "/api/accounts/me", "/api/none"):
            read = Client().get(path, headers={"Origin": ORIGIN})
            assert read.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert set(read.headers["Access-Control-Expose-Headers"].split(", ")) == MAY_READ

    @pytest.mark.parametrize(
        "origin", ["https://evil.example.com", "null", f"{ORIGIN}.evil.example", "http://desk.example.com"]
    )
    def test_that_are_not_listed_may_not(self, origin: str) -> None:
        for answer in (
            self.preflight("/api/dex/orders", origin),
            Client().get("/api/health", headers={"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers

    def test_never_call_the_officers_site(self) -> None:
        assert "Access-Control-Allow-Origin" not in Client().get("/admin/login/", headers={"Origin": ORIGIN}).headers
