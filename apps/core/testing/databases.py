"""Test databases: a migrated template, and clones of it with real commits.

The template is named by the hash of everything that shapes it, so it is built once and reused until a
migration or a model changes.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from django.db import Error, connections
from filelock import FileLock
from psycopg2 import sql

from apps.core.devstack.layout import Home
from apps.core.devstack.state import State

ROOT = Path(__file__).resolve().parents[3]
ALIASES = ("default", "direct", "owner")
VARIABLES = ("DATABASE_URL", "DATABASE_DIRECT_URL", "DATABASE_OWNER_URL")
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user"


def template_name() -> str:
    """The template's name: a hash of models, migrations and privileges."""
    digest = hashlib.sha256()
    for file in sorted(ROOT.glob("apps/*/**/*.py")):
        shapes = file.match("*/migrations/*.py") or file.name.endswith(("models.py", "privileges.py", "sql.py"))
        if shapes or "models" in file.parts:
            digest.update(file.read_bytes())
    return f"template_{digest.hexdigest()[:16]}"


def ensure_template() -> str:
    """Create and migrate the template if it is not there; its name."""
    name = template_name()
    with FileLock(ROOT / ".local" / "template.lock"):
        if not _exists(name):
            building = f"{name}_building"
            _drop(building)
            _run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(building)))
            migrate(building)
            _run(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (building, name))))
    return name


def migrate(database: str, *target: str) -> None:
    """Migrate a database, whole or an app (to a migration). Raises RuntimeError, with what the command said."""
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0", *target]
    done = subprocess.run(command, env={**os.environ, **urls_of(database)}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{database} could not be migrated:\n{done.stdout}\n{done.stderr[-3000:]}")


@contextmanager
def superuser(database: str) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor of the server's superuser, committed at the end; the owner's where the server is not of our starting."""
    url = urlsplit(os.environ["DATABASE_OWNER_URL"])
    password = State(Home.of(os.environ["BOOKENTRY_PROFILE"])).get("postgres", "superuser_password")
    user, secret = ("postgres", password) if password else (url.username, url.password)
    found = psycopg2.connect(host=url.hostname, port=url.port, dbname=database, user=user, password=secret)
    with closing(found) as connection, connection, connection.cursor() as cursor:
        yield cursor


def urls_of(database: str, urls: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that name a database, naming `database`, for a subprocess."""
    found = {}
    for variable in VARIABLES:
        if url := urls.get(variable):
            found[variable] = urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
    return found


@contextmanager
def cloned(template: str, name: str) -> Iterator[str]:
    """A database cloned from `template`, in force for all connections until the block ends, then dropped."""
    with created(template, name), in_force(name):
        yield name


@contextmanager
def created(template: str, name: str) -> Iterator[str]:
    """A database cloned from `template`, dropped when the block ends.

    Nobody is in a template while it is copied: a pooler keeps the session of who has long left it.
    """
    statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
    with _server() as cursor:
        _drop_there(cursor, name)
        _end_sessions(cursor, template)
        cursor.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        _drop(name)


@contextmanager
def in_force(name: str) -> Iterator[None]:
    """All connections go to database `name` until the block ends."""
    before = {alias: connections.settings[alias]["NAME"] for alias in ALIASES}
    _use(dict.fromkeys(ALIASES, name))
    try:
        yield
    finally:
        _use(before)


def leave() -> None:
    """End this thread's sessions, their advisory locks free at once: a session that is closed ends some time later."""
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            with suppress(Error), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_all()")
    connections.close_all()


def _use(names: dict[str, str]) -> None:
    connections.close_all()
    for alias, name in names.items():
        connections.settings[alias]["NAME"] = name
        connections[alias].settings_dict["NAME"] = name


def _owner_url() -> str:
    return os.environ["DATABASE_OWNER_URL"]


@contextmanager
def _server(url: str = "") -> Iterator[psycopg2.extensions.cursor]:
    """A cursor in no transaction, the owner's where no other URL is given. Connecting costs more than what it does."""
    connection = psycopg2.connect(url or _owner_url())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _run(statement: sql.Composable) -> None:
    with _server() as cursor:
        cursor.execute(statement)


def _exists(name: str) -> bool:
    with _server() as cursor:
        return _is_there(cursor, name)


def _is_there(cursor: psycopg2.extensions.cursor, name: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    return cursor.fetchone() is not None


def _drop(name: str) -> None:
    with _server() as cursor:
        _drop_there(cursor, name)


def _drop_there(cursor: psycopg2.extensions.cursor, name: str) -> None:
    """WITH (FORCE) would refuse while a session of another role is still on its way out."""
    if not _is_there(cursor, name):
        return
    _end_sessions(cursor, name)
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _end_sessions(cursor: psycopg2.extensions.cursor, name: str) -> None:
    """Each role ends its own (a listening thread's, say); CREATE and DROP wait for them, and end autovacuum's."""
    cursor.execute(_END, [name])
    cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND usename <> current_user LIMIT 1", [name])
    if cursor.fetchone() is not None:
        with _server(os.environ.get("DATABASE_DIRECT_URL") or os.environ["DATABASE_URL"]) as app:
            app.execute(_END, [name])
