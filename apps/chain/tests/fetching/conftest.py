"""A busy chain behind a node that lies, and what an honest reading of it gives."""

from collections.abc import Iterator

import pytest

from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.busy_chain import BusyChain, busy_chain
from apps.chain.tests.fetching.reading import Truth, truth_of


@pytest.fixture(scope="module")
def chain() -> Iterator[BusyChain]:
    with busy_chain(crowd=30) as found:
        yield found


@pytest.fixture(scope="module")
def truth(chain: BusyChain) -> Truth:
    return truth_of(chain)


@pytest.fixture(scope="module")
def shared_liar(chain: BusyChain) -> Iterator[LyingNode]:
    with LyingNode(chain.url) as found:
        yield found


@pytest.fixture
def liar(shared_liar: LyingNode) -> LyingNode:
    """One that was asked nothing yet."""
    shared_liar.asked.clear()
    return shared_liar
