"""The two roles and the database: the owner migrates, the application owns nothing.

What the application may do with each table is granted after migrations, table by table, not here.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from psycopg2 import sql

DATABASE = "bookentry"
OWNER = "bookentry_owner"
APP = "bookentry_app"


def create(connect: Callable[[str], Any], *, owner_password: str, app_password: str) -> None:
    """Create roles and database where they are missing; running it again changes nothing but the passwords.

    `connect` takes a database name and returns a psycopg2 connection of the superuser.
    """
    with closing(connect("postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _role(cursor, OWNER, "LOGIN CREATEDB NOSUPERUSER NOCREATEROLE", owner_password)
            _role(cursor, APP, "LOGIN NOCREATEDB NOSUPERUSER NOCREATEROLE", app_password)
            _database(cursor)
    with closing(connect(DATABASE)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        cursor.execute(_names("GRANT USAGE ON SCHEMA public TO {app}"))


def _role(cursor: Any, role: str, attributes: str, password: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    statement = sql.SQL(f"{verb} ROLE {{role}} {attributes} PASSWORD {{password}}")
    cursor.execute(statement.format(role=sql.Identifier(role), password=sql.Literal(password)))


def _database(cursor: Any) -> None:
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
    if not cursor.fetchone():
        cursor.execute(_names("CREATE DATABASE {database} OWNER {owner}"))
    cursor.execute(_names("REVOKE ALL ON DATABASE {database} FROM PUBLIC"))
    cursor.execute(_names("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}"))


def _names(statement: str) -> Any:
    return sql.SQL(statement).format(
        database=sql.Identifier(DATABASE), owner=sql.Identifier(OWNER), app=sql.Identifier(APP)
    )
