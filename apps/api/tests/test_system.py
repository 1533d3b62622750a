"""Health, readiness, metrics and the API's description, over HTTP."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import fixtures

from apps.core import clock
from apps.core.models import EngineState
from apps.core.registry import Health, registry


@pytest.fixture
def failing_check(request: pytest.FixtureRequest) -> Iterator[None]:
    registry.health_check("failing", lambda: request.param)
    yield
    del registry.health_checks["failing"]


@pytest.mark.usefixtures("books")
class TestSystemEndpoints:
    def test_health_needs_no_login(self) -> None:
        response = Client().get("/api/health")
        assert (response.status_code, response.json()["data"]) == (200, {"status": "ok"})

    def test_ready_is_degraded_without_engines_and_names_them(self) -> None:
        EngineState.objects.all().delete()
        body = Client().get("/api/ready").json()["data"]
        assert body["status"] == "degraded"
        assert "relay" in body["checks"]["engines"]["detail"]
        assert body["checks"]["database"] == {"ok": True, "required": True, "detail": ""}
        assert body["checks"]["migrations"]["ok"]

    def test_engines_are_well_when_every_one_of_them_beats(self) -> None:
        for name in registry.engines:
            EngineState.objects.update_or_create(name=name, defaults={"heartbeat_at": clock.now()})
        assert Client().get("/api/ready").json()["data"]["checks"]["engines"]["ok"]

    @pytest.mark.parametrize(
        ("failing_check", "status"),
        [(Health(ok=False), 503), (Health(ok=False, required=False), 200)],
        indirect=["failing_check"],
    )
    @pytest.mark.usefixtures("failing_check")
    def test_only_a_required_part_takes_readiness_down(self, status: int) -> None:
        assert Client().get("/api/ready").status_code == status

    @pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
    @pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/dex/nothing/5"])
    def test_an_unknown_address_is_a_404_in_the_envelope_even_while_debugging(
        self, settings: fixtures.Settings, method: str, path: str
    ) -> None:
        settings.DEBUG = True
        response = getattr(Client(), method)(path)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")

    @pytest.mark.parametrize("path", ["/api/docs", "/api/redoc"])
    def test_documentation_pages_load_nothing_from_outside(self, path: str) -> None:
        response = Client().get(path)
        page = response.content.decode()
        assert response.status_code == 200
        assert "https://" not in page
        scripts = re.findall(r'<script src="([^"]+)"', page)
        assert len(scripts) == 2
        assert all(script.startswith(("/static/", f"{path}/")) for script in scripts)

    def test_redoc_asks_its_maker_for_no_picture(self) -> None:
        response = Client().get("/api/redoc/script")
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert b"ReDoc" in response.content
        assert b"cdn.redoc.ly" not in response.content

    def test_documentation_pages_have_no_script_inside(self) -> None:
        for path in ("/api/docs", "/api/redoc"):
            page = Client().get(path).content.decode()
            assert re.findall(r"<script[^>]*>([^<]*)", page) == ["", ""]
            assert "style=" not in page
            for address in re.findall(r'(?:src|href)="([^"]+)"', page):
                own = address.removeprefix("/static/")
                assert finders.find(own) if own != address else Client().get(address).status_code == 200

    @pytest.mark.parametrize("path", ["/api/schema", "/api/docs", "/api/docs/errors", "/api/redoc"])
    def test_documentation_refuses_as_everything_else_does(self, path: str) -> None:
        for response in (Client().post(path), Client().get(f"{path}?surprise=1"), Client().get(f"{path}?format=xml")):
            assert response.status_code in {400, 405}
            assert response.json()["success"] is False

    @pytest.mark.parametrize(
        ("accept", "query", "content_type"),
        [
            ("", "", "application/yaml"),
            ("*/*", "", "application/yaml"),
            ("text/html,*/*;q=0.8", "", "application/yaml"),
            ("application/json", "", "application/json"),
            ("application/vnd.oai.openapi+json", "", "application/vnd.oai.openapi+json"),
            ("*/*", "?format=json", "application/json"),
            ("application/json", "?format=yaml", "application/yaml"),
        ],
    )
    def test_schema_comes_as_yaml_or_json(self, accept: str, query: str, content_type: str) -> None:
        response = Client().get(f"/api/schema{query}", headers={"Accept": accept} if accept else {})
        assert (response.status_code, response["Content-Type"]) == (200, content_type)
        if "json" in content_type:
            assert response.json()["openapi"].startswith("3.1")
        else:
            assert response.content.startswith(b"openapi: 3.1")

    def test_schema_describes_the_envelope(self) -> None:
        schema = Client().get("/api/schema", headers={"Accept": "application/json"}).json()
        answer = schema["paths"]["/api/health"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert set(answer["properties"]) == {"success", "timestamp", "data"}
