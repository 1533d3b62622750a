"""What the sweep's tests share: books with something in them, and that they stay as they are."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from limits import RateLimitItemPerMinute

from apps.core.rate_limits.counting import PAUSE_SECONDS
from apps.core.testing.valkey import PrivateValkey
from tests.flows.sweep import bad_values
from tests.flows.sweep.books_digest import digest
from tests.flows.sweep.operations import Operation
from tests.flows.sweep.scene import Scene
from tests.flows.sweep.serving import serving


@pytest.fixture(scope="class")
def scene(books: str) -> Scene:
    return Scene()


@pytest.fixture(scope="class")
def before(scene: Scene) -> Iterator[dict[str, tuple[int, str]]]:
    """The books at the beginning; when all is done they are still the same."""
    found = digest()
    yield found
    assert changes(found) == {}


@pytest.fixture
def unchanged(before: dict[str, tuple[int, str]], operation: Operation) -> Iterator[None]:
    """After each test of a command too; the next test is measured against what this one left."""
    yield
    if operation.writes:
        changed = changes(before)
        before.update(digest() if changed else {})
        assert changed == {}


def changes(before: dict[str, tuple[int, str]]) -> dict[str, Any]:
    """Tables that are not as they were, with rows and digest before and after."""
    return {table: (before[table], after) for table, after in digest().items() if before[table] != after}


@pytest.fixture(scope="class")
def matching(scene: Scene) -> Iterator[None]:
    """A matcher at work, as there is in production."""
    with scene.matching():
        yield


@pytest.fixture(
    params=[
        pytest.param(bad_values.SUSPECTS, id="usual"),
        pytest.param(bad_values.MORE_SUSPECTS, id="more", marks=pytest.mark.soak),
    ]
)
def suspects(request: pytest.FixtureRequest) -> dict[str, str]:
    """Values to try, by name."""
    return request.param


@pytest.fixture(scope="class")
def address(books: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Host and port of the real web server, on these books."""
    with serving(books, tmp_path_factory.mktemp("web") / "output") as found:
        yield found


@pytest.fixture(scope="class")
def server(address: tuple[str, int]) -> str:
    """Its URL."""
    host, port = address
    return f"http://{host}:{port}"


@pytest.fixture
def limit(settings: LazySettings) -> Any:
    """Set some of the limits, per minute. Who was counted by another test, or a run of a moment ago, is not here."""
    namespace = uuid4().hex

    def set_some(**scopes: int) -> None:
        given = {name: RateLimitItemPerMinute(number, namespace=namespace) for name, number in scopes.items()}
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, **given}

    return set_some


@pytest.fixture
def valkey(tmp_path: Path, settings: LazySettings) -> Iterator[PrivateValkey]:
    """A Valkey that may be killed."""
    with PrivateValkey(tmp_path) as found:
        settings.REDIS_URL = found.url
        yield found
    # Until then a store that failed is left alone, and the next test would count in two.
    Event().wait(PAUSE_SECONDS)
