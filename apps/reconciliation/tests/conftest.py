"""A healthy world on a real chain, built once a class and copied for whoever changes it; breaks and two officers."""

from collections.abc import Iterator

import pytest

from apps.accounts.tests.factories import make_actor
from apps.accounts.types import Role
from apps.chain.testing import ChainPlatform
from apps.core.actor import Actor
from apps.reconciliation.models import Break
from apps.reconciliation.tests.factories import make_asset, make_break, make_wallet, missing, state_finding
from apps.reconciliation.tests.stage import Stage
from apps.reconciliation.tests.world import World


@pytest.fixture(scope="class")
def healthy(chain_platform: ChainPlatform) -> World:
    """Nothing differs; one trade waits to be settled."""
    found = World(Stage(chain_platform))
    found.build()
    return found


@pytest.fixture
def world(healthy: World) -> Iterator[World]:
    """The healthy world in books of the test's own, on a chain that is put back after it."""
    with healthy.copy() as found:
        yield found


@pytest.fixture
def maker(books: str) -> Actor:
    """Who proposes."""
    return make_actor(role=Role.OPS)


@pytest.fixture
def checker(books: str) -> Actor:
    """Who decides."""
    return make_actor(role=Role.COMPLIANCE)


@pytest.fixture
def row(books: str) -> Break:
    """An open break that an entry would mend."""
    return make_break(missing(make_asset(), make_wallet()))


@pytest.fixture
def paused(books: str) -> Break:
    """An open break of a state, which nothing would mend."""
    return make_break(state_finding(make_asset()))
