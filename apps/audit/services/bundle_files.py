"""The files of a bundle as they are written: counted, digested, and on the disk before anybody hears of them."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Self
from uuid import uuid4


@dataclass(slots=True)
class BundleFile:
    """A file being written, and its digest."""

    file: BinaryIO
    digest: Any = field(default_factory=sha256)
    length: int = 0

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """A new file; what was written is on the disk when the block ends. Raises OSError."""
        with path.open("xb") as opened:
            yield cls(opened)
            opened.flush()
            os.fsync(opened.fileno())

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.digest.update(data)
        self.length += len(data)

    def entry(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"bytes": self.length, "sha256": self.digest.hexdigest()}


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` when the block ends, and is removed if it fails in any way.

    Raises FileExistsError where there is something of that name, OSError where it cannot be written.
    """
    if os.path.lexists(folder):
        raise FileExistsError
    partial = folder.with_name(f"{folder.name}.{uuid4().hex[:8]}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(folder)
        _settle(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _settle(folder: Path) -> None:
    """Have the folder's names on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put_lines(path: Path, lines: Iterable[bytes]) -> dict[str, Any]:
    """Write a file of lines; what the manifest says of it."""
    with BundleFile.opened(path) as file:
        for line in lines:
            file.write(line + b"\n")
        return file.entry()


def canonical_line(value: Any) -> bytes:
    """One line of JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def time_text(moment: datetime) -> str:
    """An instant as events and heads write it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
