"""The database cannot be reached: API and officers' pages say so, and when to come again."""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.accounts.types import Role
from apps.core.db.failures import is_unavailable
from apps.core.testing import databases


class BrokenSession:
    """Middleware that fails before any view is asked."""

    def __init__(self, get_response: object) -> None:
        pass

    def __call__(self, request: HttpRequest) -> HttpResponse:
        raise OperationalError("server closed the connection unexpectedly")


@pytest.fixture
def officer(books: str) -> Client:
    user = make_user(role=Role.OPS)
    client = Client(raise_request_exception=False)
    assert client.login(username=user.username, password=PASSWORD)
    assert client.get("/admin/").status_code == 200
    return client


@pytest.fixture(params=[True, False])
def either_mode(request: pytest.FixtureRequest) -> Iterator[None]:
    with override_settings(DEBUG=request.param):
        yield


@pytest.mark.usefixtures("books", "either_mode")
class TestAnOutage:
    def test_is_a_503_of_the_api_in_the_envelope(self) -> None:
        client = api_client(make_user())
        with databases.in_force("no_such_database"):
            response = client.get("/api/dex/orders")
        assert (response.status_code, response["Retry-After"]) == (503, "1")
        assert response.json()["error"]["code"] == "unavailable"

    def test_is_a_plain_503_of_the_officers_pages(self, officer: Client) -> None:
        with databases.in_force("no_such_database"):
            response = officer.get("/admin/core/enginestate/", headers={"Accept": "text/html"})
        assert (response.status_code, response["Retry-After"]) == (503, "1")
        assert "briefly unavailable" in response.content.decode()
        assert "no_such_database" not in response.content.decode()
        assert officer.get("/admin/core/enginestate/").status_code == 200


class TestAnOutageBeforeAnyView:
    @pytest.mark.parametrize(("path", "kind"), [("/api/dex/orders", "application/json"), ("/admin/", "text/html")])
    def test_is_a_503_too(self, path: str, kind: str) -> None:
        with override_settings(DEBUG=False, MIDDLEWARE=[f"{__name__}.BrokenSession"], ALLOWED_HOSTS=["*"]):
            response = Client(raise_request_exception=False).get(path, headers={"Accept": kind})
        assert (response.status_code, response["Retry-After"]) == (503, "1")
        assert response["Content-Type"].startswith(kind)


class TestWhatIsAnOutage:
    @pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
    def test_is_what_may_pass(self, kind: type[Exception]) -> None:
        assert is_unavailable(kind("gone"))

    @pytest.mark.parametrize("kind", [ProgrammingError, IntegrityError, ValueError])
    def test_is_no_fault_of_ours(self, kind: type[Exception]) -> None:
        assert not is_unavailable(kind("wrong"))
