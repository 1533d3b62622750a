"""Tests run on real servers: PostgreSQL, Valkey and an EVM node, started here where no URL names one.

Two fixtures only: `db` (pytest-django's: reads and rules, rolled back) and `books` (a database of its own per
class, with real commits).
"""

import os
from collections.abc import Iterator

os.environ.setdefault("DJANGO_DEBUG", "true")
os.environ.setdefault("BOOKENTRY_PROFILE", "test")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Tests ask more than people do; those of the limits set their own.
for _scope in ("USER", "ANON", "ISSUANCE", "ORDERS", "SWAPS", "SETTLEMENT", "UPLOADS", "LOGINS"):
    os.environ.setdefault(f"RATE_LIMIT_{_scope}", "1000000/min")

from config.environment import missing_servers, start_embedded_servers

if missing_servers():
    start_embedded_servers()

import django

django.setup()

import pytest
from pytest_django.plugin import DjangoDbBlocker

from apps.core.testing import databases

pytest_plugins = ["apps.chain.testing"]


def worker_name() -> str:
    """This process's part of a database name: tests of two workers, or two runs, never share one."""
    return f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"


@pytest.fixture(scope="session")
def template(django_db_blocker: DjangoDbBlocker) -> str:
    """The migrated database all test databases are clones of."""
    with django_db_blocker.unblock():
        return databases.ensure_template()


@pytest.fixture(scope="session")
def django_db_setup(template: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What the `db` fixture rolls back into: one clone a worker."""
    with django_db_blocker.unblock(), databases.cloned(template, f"db_{worker_name()}"):
        yield


@pytest.fixture(scope="class")
def books(django_db_setup: None, template: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of this class's own, with real commits; its name."""
    with django_db_blocker.unblock(), databases.cloned(template, f"books_{worker_name()}") as name:
        yield name
