"""Remembered ports and passwords, and the lock that makes starting and stopping one at a time."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from apps.core.devstack.errors import DevstackError
from apps.core.devstack.layout import Home

LOCK_SECONDS = 120


def write_private(path: Path, text: str) -> None:
    """Replace the file at once and readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mkstemp creates with mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class State:
    """The remembered facts of one profile: a section for each service, saved after each change."""

    def __init__(self, home: Home) -> None:
        self._path = home.state

    @cached_property
    def _sections(self) -> dict[str, dict[str, Any]]:
        try:
            sections = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DevstackError(f"cannot read {self._path} ({error}): run `make clean` to begin anew") from error
        return dict(sections)

    def get(self, service: str, key: str) -> Any:
        return self._sections.get(service, {}).get(key)

    def put(self, service: str, **facts: Any) -> None:
        self._sections.setdefault(service, {}).update(facts)
        write_private(self._path, json.dumps(self._sections, indent=1))


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the profile's lock: whoever starts or stops servers is alone."""
    home.create()
    try:
        with FileLock(home.lock, timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise DevstackError(
            f"another process has been starting or stopping servers for {LOCK_SECONDS} s (lock {home.lock}): "
            "end it and try again"
        ) from None
