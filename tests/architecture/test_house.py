"""Guardrails of the house that no linter knows."""

import re
from pathlib import Path

import grimp
import pytest
from django.apps import apps
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from apps.core.http.idempotency import policy_of
from apps.core.http.throttles import Throttled
from apps.core.http.views import View
from apps.core.rate_limits import Bucket

ROOT = Path(__file__).resolve().parents[2]
LAYERS = [
    {"api", "backoffice"},
    {"reports", "notifications"},
    {"reconciliation"},
    {"dex", "issuance"},
    {"settlement"},
    {"compliance"},
    {"chain", "ledger"},
    {"securities"},
    {"accounts"},
    {"audit"},
    {"vault"},
    {"core"},
]
RANK = {app: rank for rank, apps_ in enumerate(LAYERS) for app in apps_}
# What another app may import. The HTTP kit, engines and database door of core are for everyone.
PUBLIC_ROOMS = {"services", "selectors", "errors", "types"}
# Kinds of columns, which belong to everyone's models.
PUBLIC_MODULES = {("vault", "fields")}
# Rooms that belong to the whole project: composition (api, backoffice) joins apps, tests look anywhere.
COMPOSING = {"api", "backoffice"}


def room(module: str) -> tuple[str, str]:
    """("dex", "services") of "apps.dex.services.orders"."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else ""


def is_test_support(module: str) -> bool:
    return bool(re.search(r"\.(tests|testing)(\.|$)", module))


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("apps")


def own_models() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if m.__module__.startswith("apps.")]


def endpoints(resolver: URLResolver | None = None, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found: list[tuple[str, URLPattern]] = []
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        found += endpoints(pattern, path) if isinstance(pattern, URLResolver) else [(path, pattern)]
    return found


def routed() -> list[tuple[str, type[Throttled]]]:
    """(path, view class) of every route of the API."""
    found = [(path, pattern.callback) for path, pattern in endpoints() if path.startswith("api")]
    return [(path, getattr(view, "view_class", None) or view.cls) for path, view in found]


class TestImports:
    def test_reach_only_the_public_rooms_of_another_app(self, graph: grimp.ImportGraph) -> None:
        breaches = []
        for importer in graph.modules:
            if is_test_support(importer):
                continue
            for imported in graph.find_modules_directly_imported_by(importer):
                (app, own), (other, private) = room(importer), room(imported)
                if other in {app, "core", ""} or private in PUBLIC_ROOMS or (app in COMPOSING and own != "services"):
                    continue
                if (other, private) in PUBLIC_MODULES:
                    continue
                breaches.append(f"{importer} -> {imported}")
        assert breaches == []

    def test_of_test_support_stay_among_tests(self, graph: grimp.ImportGraph) -> None:
        breaches = [
            f"{importer} -> {imported}"
            for imported in graph.modules
            if is_test_support(imported)
            for importer in graph.find_modules_that_directly_import(imported)
            if not is_test_support(importer)
        ]
        assert breaches == []

    def test_of_rest_framework_and_tasks_stay_out_of_services(self) -> None:
        breaches = [
            str(file.relative_to(ROOT))
            for file in ROOT.glob("apps/*/services/**/*.py")
            if re.search(r"^(from|import) (rest_framework|apps\.\w+\.(tasks|api))", file.read_text(), re.MULTILINE)
        ]
        assert breaches == []

    def test_of_the_driver_stay_behind_the_database_door(self) -> None:
        allowed = ("apps/core/db/", "apps/core/devstack/", "apps/core/testing/")
        breaches = [
            name
            for file in ROOT.glob("apps/**/*.py")
            if "psycopg2" in file.read_text()
            and not (name := str(file.relative_to(ROOT))).startswith(allowed)
            and "/tests/" not in name
        ]
        assert breaches == []


class TestModels:
    @pytest.mark.parametrize("model", own_models(), ids=lambda m: m._meta.label)
    def test_foreign_keys_point_down_and_protect(self, model: type[models.Model]) -> None:
        for field in model._meta.get_fields():
            if not isinstance(field, models.ForeignKey) or not field.related_model.__module__.startswith("apps."):
                continue
            below = RANK[field.related_model._meta.app_label] > RANK[model._meta.app_label]
            assert below or field.related_model._meta.app_label == model._meta.app_label, field
            assert field.remote_field.on_delete is models.PROTECT, f"{field} must PROTECT"

    @pytest.mark.parametrize("model", own_models(), ids=lambda m: m._meta.label)
    def test_hold_no_float(self, model: type[models.Model]) -> None:
        assert not [f for f in model._meta.get_fields() if isinstance(f, models.FloatField)]


class TestViews:
    def test_of_the_api_say_who_may_call_them(self) -> None:
        silent = []
        for path, pattern in endpoints():
            view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
            ours = path.startswith("api/") and view is not None and issubclass(view, View)
            if ours and not (view.public or view.required_roles):
                silent.append(path)
        assert silent == []

    def test_of_the_api_are_counted(self) -> None:
        """A read counts as a read; what a write counts as, its view says itself."""
        uncounted = []
        for path, view in routed():
            writes = {"post", "put", "patch", "delete"} & set(dir(view))
            says = any("throttle" in vars(base) for base in view.__mro__ if base is not Throttled)
            if not issubclass(view, Throttled) or view.throttle_classes or (writes and not says):
                uncounted.append(path)
        assert uncounted == []

    def test_that_nobody_counts_are_these(self) -> None:
        free = {path for path, view in routed() if view.throttle is Bucket.UNLIMITED}
        assert free == {
            "api/health",
            "api/ready",
            "api/metrics",
            "api/webhooks/<slug:provider>",
            "api",
            "api/<anything:rest>",
        }

    def test_that_write_say_what_an_idempotency_key_does(self) -> None:
        silent = []
        for path, view in routed():
            if not issubclass(view, View):
                continue
            writes = {method for method in ("post", "put", "patch", "delete") if hasattr(view, method)}
            said = any("idempotency" in vars(base) for base in view.__mro__ if base is not View)
            keyed = any(policy_of(view, method).takes_key for method in writes)
            if (writes and not said) or (view.public and keyed):
                silent.append(path)
        assert silent == []


class TestSources:
    def test_use_only_the_two_fixtures_for_databases(self) -> None:
        forbidden = re.compile(r"TransactionTestCase|transactional_db|transaction=True|serialized_rollback")
        breaches = [
            str(file.relative_to(ROOT))
            for folder in ("apps", "tests", "contracts/tests")
            for file in ROOT.glob(f"{folder}/**/*.py")
            if file != Path(__file__) and forbidden.search(file.read_text())
        ]
        assert breaches == []

    def test_mock_none_of_our_own_code(self) -> None:
        forbidden = re.compile(r"MagicMock|mock\.patch|monkeypatch\.setattr\(\s*\"?apps|unittest\.mock")
        breaches = [
            str(file.relative_to(ROOT))
            for file in [*ROOT.glob("apps/**/*.py"), *ROOT.glob("tests/**/*.py")]
            if file != Path(__file__) and forbidden.search(file.read_text())
        ]
        assert breaches == []

    def test_ask_the_one_clock(self) -> None:
        forbidden = re.compile(r"datetime\.(utcnow|now|today)\(|timezone\.now\(|time\.time\(")
        breaches = [
            name
            for file in ROOT.glob("apps/**/*.py")
            if (name := str(file.relative_to(ROOT))) != "apps/core/clock.py"
            and not name.startswith("apps/core/devstack/")
            and "/tests/" not in name
            and forbidden.search(file.read_text())
        ]
        assert breaches == []
