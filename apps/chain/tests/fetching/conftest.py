"""A busy chain behind a front that lies, and what an honest reading of it gives."""

from collections.abc import Iterator

import pytest

from apps.chain.tests.busy_chain import BusyChain, busy_chain
from apps.chain.tests.fetching.reading import Truth, truth_of
from apps.chain.tests.front import Front, front_of


@pytest.fixture(scope="module")
def chain() -> Iterator[BusyChain]:
    with busy_chain(crowd=30) as found:
        yield found


@pytest.fixture(scope="module")
def truth(chain: BusyChain) -> Truth:
    return truth_of(chain)


@pytest.fixture(scope="module")
def shared_front(chain: BusyChain) -> Iterator[Front]:
    with front_of(chain.url) as found:
        yield found


@pytest.fixture
def front(shared_front: Front) -> Front:
    """An honest front that was asked nothing yet."""
    shared_front.lie = lambda *_: None
    shared_front.asked.clear()
    return shared_front


@pytest.fixture
def slow_front(chain: BusyChain) -> Iterator[Front]:
    """One of the test's own, which may still be busy with what nobody waits for."""
    with front_of(chain.url) as found:
        yield found
