"""Nothing read for one test is shared with the next."""

from collections.abc import Iterator

import pytest

from apps.api.health import readiness
from apps.api.metrics import scrape


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    readiness.forget()
    scrape.forget()
    yield
    readiness.forget()
    scrape.forget()
