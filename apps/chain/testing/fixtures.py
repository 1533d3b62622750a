"""The platform deployed once a session, and a copy of it for every class.

It is deployed into a database that every class's database is then cloned from; the chain is put back by a snapshot
after each class. A class that asks for `chain_platform` does not ask for `books`.
"""

import os
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.test.utils import override_settings
from pytest_django.plugin import DjangoDbBlocker

from apps.chain.selectors.contracts import addresses
from apps.chain.services.nodes import default_node
from apps.chain.testing.platform import ChainPlatform
from apps.core.devstack.anvil import private_node
from apps.core.testing import databases


@pytest.fixture(scope="session")
def platform_template(
    template: str,
    django_db_setup: None,  # noqa: ARG001 (set up before)
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[tuple[str, str]]:
    """(node URL, database): the platform deployed and final, as nobody's test has touched it."""
    name = f"platform_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with (
        private_node(slots_in_an_epoch=1) as url,
        django_db_blocker.unblock(),
        override_settings(CHAIN_RPC_URL=url),
        databases.created(template, name),
    ):
        with databases.in_force(name), default_node() as node:
            call_command("deploy_contracts", stdout=StringIO())
            ChainPlatform(url, name, node).run_until_quiet()
        yield url, name


@pytest.fixture(scope="class")
def chain_platform(platform_template: tuple[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[ChainPlatform]:
    """The platform on a chain and in books that are this class's own."""
    url, template = platform_template
    name = f"books_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with (
        django_db_blocker.unblock(),
        databases.cloned(template, name),
        override_settings(CHAIN_RPC_URL=url),
        default_node() as node,
    ):
        platform = ChainPlatform(url, name, node, addresses(), template=template)
        snapshot = platform.snapshot()
        try:
            yield platform
        finally:
            node.call("anvil_dropAllTransactions")
            platform.restore(snapshot)
