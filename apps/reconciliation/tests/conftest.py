"""A healthy world on a real chain: built once a class, and a copy of it for whoever changes it."""

from collections.abc import Iterator

import pytest

from apps.chain.testing import ChainPlatform
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
