"""Servers in folders of their own: these tests never touch the checkout's `.local`."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from apps.core import devstack
from apps.core.devstack.urls import NAMES


@pytest.fixture
def no_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test run itself has its servers' URLs in the environment; here they would replace what is tested."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(no_urls: None) -> Iterator[Path]:
    """An empty folder in place of `.local`; whatever was started in it is ended."""
    yield from new_root()


@pytest.fixture
def other_root(no_urls: None) -> Iterator[Path]:
    """A second one: another checkout."""
    yield from new_root()


def new_root() -> Iterator[Path]:
    """A folder that `nobody` may pass through, as in most checkouts, and the stop of what was started in it."""
    with tempfile.TemporaryDirectory(prefix="bookentry-devstack-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        try:
            yield folder / "local"
        finally:
            devstack.stop(root=folder / "local")


def processes_of(root: Path) -> list[str]:
    """Command lines of the living processes that were given a path below this folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if process.status() != psutil.STATUS_ZOMBIE and any(str(root) in word for word in words):
                found.append(" ".join(words))
    return found
