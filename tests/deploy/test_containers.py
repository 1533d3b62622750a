"""The image and the compose file name only what exists, and run nothing with more rights than it needs.

They cannot be built where these tests run; so they are parsed, and every command and path in them is tried.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from psycopg2.extensions import STATUS_READY

from config.celery import app as celery
from tests.architecture.test_production import PRODUCTION
from tests.deploy.conftest import Postgres
from tests.deploy.files import ROOT, Instruction, Stage, command_after, compose, stages, tracked

OURS = ("web", "worker", "beat", "matcher", "engines", "migrate")
SERVICES: dict[str, Any] = compose()["services"]
FINAL: Stage = stages()[-1]


def image_command(service: dict[str, Any]) -> list[str]:
    """What the service runs: its own command, or the image's."""
    return list(service.get("command") or FINAL.last("CMD").words)


def commands() -> dict[str, list[str]]:
    """Every command that runs in our image."""
    found = {name: image_command(SERVICES[name]) for name in OURS}
    found["image healthcheck"] = command_after_healthcheck()
    for name in OURS:
        test = SERVICES[name].get("healthcheck", {}).get("test")
        if test:
            found[f"{name} healthcheck"] = test[1:]
    return found


def command_after_healthcheck() -> list[str]:
    text = next(line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("HEALTHCHECK"))
    return command_after(Instruction("HEALTHCHECK", tuple(text.split(" ")[1:])))


class TestDockerfile:
    def test_every_copied_path_is_in_the_project(self) -> None:
        known = tracked()
        for stage in stages():
            for copy in stage.all("COPY"):
                if "from" not in copy.flags:
                    assert [source for source in copy.arguments[:-1] if source not in known] == []

    def test_nothing_copied_is_left_out_by_dockerignore(self) -> None:
        ignored = {line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] not in "#*"}
        copied = {source for stage in stages() for copy in stage.all("COPY") for source in copy.arguments[:-1]}
        assert copied & ignored == set()

    def test_stages_copy_only_from_stages_before_them(self) -> None:
        names = [stage.name for stage in stages()]
        for number, stage in enumerate(stages()):
            sources = [copy.flags["from"] for copy in stage.all("COPY") if "from" in copy.flags]
            assert [source for source in sources if source not in names[:number]] == []

    def test_the_image_has_what_the_project_imports_at_run_time(self) -> None:
        copied = {source for copy in FINAL.all("COPY") for source in copy.arguments[:-1]}
        assert {"manage.py", "config", "apps", "/build/build", "/venv"} <= copied

    def test_the_contracts_stage_has_what_the_compiler_reads(self) -> None:
        copied = {source for copy in stages()[0].all("COPY") for source in copy.arguments[:-1]}
        assert {
            f"contracts/{name}" for name in ("compile.mjs", "package.json", "package-lock.json", "src", "test")
        } == copied

    def test_runs_as_a_numeric_user_who_is_not_root(self) -> None:
        assert re.fullmatch(r"[1-9][0-9]{3,}:[1-9][0-9]{3,}", FINAL.last("USER").words[0])

    def test_nothing_after_the_user_writes_into_the_image(self) -> None:
        names = [one.name for one in FINAL.instructions]
        assert set(names[names.index("USER") :]) <= {"USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD", "ENTRYPOINT"}

    def test_images_are_pinned_to_a_version(self) -> None:
        images = [stage.image for stage in stages()] + [SERVICES[name]["image"] for name in ("postgres", "valkey")]
        assert [image for image in images if not re.search(r":[0-9]", image)] == []

    def test_python_is_the_one_the_project_is_tested_with(self) -> None:
        version = ".".join(map(str, sys.version_info[:2]))
        assert {stage.image for stage in stages() if stage.image.startswith("python:")} == {
            f"python:{version}-slim-bookworm"
        }

    def test_no_secret_is_written_into_the_image(self) -> None:
        text = (ROOT / "Dockerfile").read_text()
        assert not re.search(r"(SECRET|PASSWORD|TOKEN|_KEY)\w*=", text)


class TestCompose:
    def test_has_every_part_of_the_product(self) -> None:
        assert set(SERVICES) == {*OURS, "postgres", "valkey"}

    @pytest.mark.parametrize("name", sorted(commands()))
    def test_every_command_names_a_program_that_exists(self, name: str) -> None:
        program, *words = commands()[name]
        if program == "celery":
            assert words[:2] == ["-A", celery.main and "config"]
            assert words[2] in {"worker", "beat"}
            return
        assert program == "python"
        if words[0] == "-m":
            assert find_spec(words[1]) is not None
        else:
            assert words[0] == "manage.py"
            assert words[1] in get_commands()

    @pytest.mark.parametrize("name", sorted(commands()))
    def test_every_command_takes_the_options_it_is_given(self, name: str) -> None:
        """Each program reads its command line, and says its help, options and all."""
        program, *words = commands()[name]
        argv = [sys.executable, *words] if program == "python" else [sys.executable, "-m", program, *words]
        done = subprocess.run([*argv, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("name", [*OURS, "valkey"])
    def test_runs_without_rights_it_does_not_need(self, name: str) -> None:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service

    def test_only_web_is_published_and_only_on_loopback(self) -> None:
        published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
        assert set(published) == {"web"}
        assert all(port.startswith("127.0.0.1:") for port in published["web"])

    def test_every_mounted_path_exists(self) -> None:
        mounts = [volume for service in SERVICES.values() for volume in service.get("volumes", ())]
        files = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
        assert files == ["./deploy/postgres/roles.sh"]
        assert all((ROOT / file).is_file() for file in files)
        named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
        assert named == set(compose()["volumes"])

    def test_every_variable_it_sets_is_one_we_read(self) -> None:
        documented = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
        assert {name for service in OURS for name in SERVICES[service].get("environment", {})} <= documented

    def test_production_starts_with_the_addresses_its_head_gives(self) -> None:
        """The servers' names on the stack's network, without TLS, are accepted as they stand."""
        head = (ROOT / "compose.yaml").read_text()
        urls = {name: url.replace("...", "a1b2c3") for name, url in re.findall(r"#\s+(\w+_URL)=([^\s,]+)", head)}
        assert set(urls) == {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}
        environment = {"PATH": os.environ["PATH"], **PRODUCTION, **urls, **SERVICES["web"]["environment"]}
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_every_dependency_and_secret_is_declared(self) -> None:
        secrets = set(compose()["secrets"])
        for name, service in SERVICES.items():
            assert set(service.get("depends_on", {})) <= set(SERVICES) - {name}
            assert set(service.get("secrets", ())) <= secrets

    def test_what_must_be_healthy_says_how_it_is_known(self) -> None:
        for service in SERVICES.values():
            for needed, how in service.get("depends_on", {}).items():
                if how["condition"] == "service_healthy":
                    assert "test" in SERVICES[needed]["healthcheck"]

    def test_migrations_end_before_anything_else_starts(self) -> None:
        for name in set(OURS) - {"migrate"}:
            assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}

    def test_the_port_is_the_one_the_server_listens_on(self) -> None:
        exposed = FINAL.last("EXPOSE").words[0]
        assert SERVICES["web"]["ports"] == [f"127.0.0.1:8000:{exposed}"]
        assert f'"WEB_PORT", {exposed},' in (ROOT / "config" / "server.py").read_text()


SECRET = '{}\'s \\ "secret" :name $1'


class TestPostgresRoles:
    def test_makes_the_two_roles_of_the_database_contract(self, own_postgres: Postgres, tmp_path: Path) -> None:
        for name in ("owner", "app"):
            (tmp_path / f"{name}_password").write_text(SECRET.format(name))
        own_postgres.run_script(ROOT / "deploy" / "postgres" / "roles.sh", SECRETS=str(tmp_path))
        roles = own_postgres.ask(
            """SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles
               WHERE rolname LIKE 'bookentry%' ORDER BY rolname"""
        )
        with own_postgres.connect("bookentry", "bookentry_owner", SECRET.format("owner")) as connection:
            assert connection.status == STATUS_READY
        assert roles == [("bookentry_app", False, False, False), ("bookentry_owner", False, False, False)]
        rights = own_postgres.ask(
            """SELECT has_schema_privilege('bookentry_app', 'public', 'USAGE'),
                      has_schema_privilege('bookentry_app', 'public', 'CREATE'),
                      has_schema_privilege('bookentry_owner', 'public', 'CREATE'),
                      has_database_privilege('bookentry_app', 'bookentry', 'CREATE')"""
        )
        assert rights == [(True, False, True, False)]
