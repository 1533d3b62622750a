"""Tests run on real servers: PostgreSQL, Valkey and an EVM node, started here where no URL names one.

Two fixtures only: `db` (pytest-django's: reads and rules, rolled back) and `books` (a database of its own per
class, with real commits).
"""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

gc.disable()  # until all is loaded: what is loaded stays
# Tests start some hundred processes: each would compile all of the product where an image says so.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
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

ROOT = Path(__file__).resolve().parent
# Files of which one alone keeps a worker busy for ten seconds and more begin first, so that all workers end together
# (--no-loadscope-reorder: xdist would begin with those of many tests). A file that is missing here costs only time.
LONG = (
    "tests/faults/test_workers.py",
    "tests/faults/test_servers.py",
    "apps/audit/tests/test_anchor_processes.py",
    "tests/devstack/test_web_server.py",
    "tests/devstack/test_stack.py",
    "apps/dex/tests/test_crash.py",
    "apps/vault/tests/test_rotation_faults.py",
    "apps/vault/tests/test_rotation.py",
    "apps/audit/tests/test_verifier.py",
    "tests/flows/test_sealing_migrations.py",
    "apps/core/tests/test_idempotency_races.py",
    "apps/vault/tests/test_wiring.py",
    "apps/audit/tests/test_expired_bundles.py",
    "tests/flows/test_lists.py",
    "apps/audit/tests/test_anchoring.py",
    "apps/audit/tests/test_killed_sequencer.py",
    "tests/config/test_logs.py",
    "tests/flows/test_bad_input_bodies.py",
    "tests/architecture/test_production.py",
    "apps/core/tests/test_webhooks.py",
    "tests/flows/test_schemathesis.py",
    "tests/flows/test_bad_input.py",
    "tests/deploy/test_containers.py",
    "tests/browser/test_pages.py",
    "apps/backoffice/tests/test_pages.py",
    "apps/core/tests/test_providers.py",
    "tests/faults/test_beats.py",
    "apps/core/tests/test_cache.py",
    "contracts/tests/test_transaction_gas.py",
    "apps/api/tests/test_worker_counts.py",
    "tests/devstack/test_supervisor.py",
    "apps/settlement/tests/test_killed_projector.py",
)

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first; all else stays in its order."""
    rank = {str(ROOT / name): number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(str(item.path), len(rank)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """What is there for the whole run is not looked through for garbage again, nor copied in every forked process."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 50, 100)
