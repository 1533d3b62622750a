"""The first users of an installation, made from its shell."""

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.management.commands import bootstrap_demo
from apps.accounts.models import Party, User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.audit.selectors.trail import audit_logs


def run(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue().strip()


def role_of(username: str, password: str) -> list[str]:
    """The roles this login gives, over HTTP."""
    client = api_client()
    token = client.post("/api/auth/token", {"username": username, "password": password}).json()["data"]["access"]
    me = client.get("/api/accounts/me", HTTP_AUTHORIZATION=f"Bearer {token}").json()["data"]
    assert Party.objects.get(pk=me["party"]["id"]).is_platform
    return list(me["roles"])


@pytest.mark.usefixtures("books")
class TestCreateOperator:
    @pytest.fixture(autouse=True)
    def _password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOOKENTRY_OPERATOR_PASSWORD", PASSWORD)

    def test_makes_an_operator_of_the_platform_and_records_it(self) -> None:
        assert run("create_operator", "--username", "first-operator") == "Operator first-operator created."
        assert role_of("first-operator", PASSWORD) == ["OPS"]
        user = User.objects.named("first-operator").get()
        assert user.is_staff
        assert audit_logs(action="accounts.user_added", resource_id=str(user.pk)).get().user_id is None

    def test_leaves_an_existing_operator_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run("create_operator", "--username", "second-operator")
        monkeypatch.setenv("BOOKENTRY_OPERATOR_PASSWORD", "quite " + PASSWORD)
        assert run("create_operator", "--username", "second-operator").endswith("exists: left alone.")
        assert role_of("second-operator", PASSWORD) == ["OPS"]
        assert Party.objects.filter(is_platform=True).count() == 1

    def test_never_promotes_someone_else(self) -> None:
        user = make_user(username="an-investor")
        with pytest.raises(CommandError, match="taken"):
            run("create_operator", "--username", "an-investor")
        assert not User.objects.get(pk=user.pk).is_staff

    def test_refuses_a_weak_password_and_says_why(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOOKENTRY_OPERATOR_PASSWORD", "short")
        with pytest.raises(CommandError, match="at least 15"):
            run("create_operator", "--username", "third-operator")
        assert not User.objects.named("third-operator").exists()


@pytest.mark.usefixtures("books")
class TestBootstrapDemo:
    @pytest.fixture(autouse=True)
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Path:
        settings.DEBUG = True
        file = tmp_path / "demo-logins.json"
        monkeypatch.setattr(bootstrap_demo, "_logins_file", lambda: file)
        return file

    def test_writes_logins_that_work_for_its_owner_only(self, file: Path) -> None:
        assert str(file) in run("bootstrap_demo")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        logins = json.loads(file.read_text())
        assert {name: role_of(name, login["password"]) for name, login in logins.items()} == {
            "ops": ["OPS"],
            "compliance": ["COMPLIANCE"],
        }

    def test_may_be_repeated(self, file: Path) -> None:
        run("bootstrap_demo")
        text, users = file.read_text(), User.objects.count()
        run("bootstrap_demo")
        assert (file.read_text(), User.objects.count()) == (text, users)

    def test_leaves_the_logins_that_the_demo_added(self, file: Path) -> None:
        run("bootstrap_demo")
        added = {"username": "aurora-maker", "password": "made by the demo's seed", "role": "ISSUER"}
        text = json.dumps({**json.loads(file.read_text()), "aurora-maker": added})
        file.write_text(text)
        run("bootstrap_demo")
        assert file.read_text() == text
        assert not User.objects.named("aurora-maker").exists()

    def test_makes_the_file_true_again_after_it_was_lost(self, file: Path) -> None:
        run("bootstrap_demo")
        file.unlink()
        run("bootstrap_demo")
        assert role_of("ops", json.loads(file.read_text())["ops"]["password"]) == ["OPS"]

    def test_is_refused_in_production(self, file: Path, settings: Any) -> None:
        settings.DEBUG = False
        with pytest.raises(CommandError, match="create_operator"):
            run("bootstrap_demo")
        assert not file.exists()
