"""Where sealed documents lie: a folder or a bucket, written through django-storages and read from any place on.

Raises StoreUnavailable where the store does not answer, BlobMissing where it has nothing of this name.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

GONE = frozenset({"404", "NoSuchKey", "NotFound"})
TOO_FAR = "InvalidRange"
FAILURES = (OSError, BotoCoreError, ClientError, HTTPClientError)


class StoreUnavailable(Exception):
    """The store does not answer, or refuses."""


class BlobMissing(Exception):
    """The store has nothing of this name."""


class Blobs:
    """Sealed documents by name. Nothing is ever written over."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def write(self, name: str, content: io.RawIOBase) -> None:
        """Store what `content` gives, a piece at a time; it is durable when this returns."""
        with _translated():
            stored = self._storage.save(name, File(cast("Any", content), name=name))
        if stored != name:
            self.delete(stored)
            raise StoreUnavailable("the name was taken")
        if isinstance(self._storage, FileSystemStorage):
            with _translated():
                _flush(Path(self._storage.path(name)))

    def open_at(self, name: str, place: int) -> BinaryIO:
        """What is stored under `name` from byte `place` on."""
        with _translated():
            if not isinstance(self._storage, FileSystemStorage):
                return self._open_in_bucket(name, place)
            file = Path(self._storage.path(name)).open("rb")  # noqa: SIM115 (the caller closes it)
            file.seek(place)
            return file

    def delete(self, name: str) -> None:
        """Remove it, if it is there."""
        with _translated():
            self._storage.delete(name)

    def ask(self) -> None:
        """Do nothing but see that the store answers, and would take a document."""
        with _translated():
            if isinstance(self._storage, FileSystemStorage):
                folder = Path(self._storage.location)
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                    raise PermissionError
            else:
                storage = cast("Any", self._storage)
                storage.connection.meta.client.head_bucket(Bucket=storage.bucket_name)

    def _open_in_bucket(self, name: str, place: int) -> BinaryIO:
        storage = cast("Any", self._storage)
        key = f"{storage.location}/{name}".lstrip("/")
        client = storage.connection.meta.client
        try:
            answer = client.get_object(Bucket=storage.bucket_name, Key=key, Range=f"bytes={place}-")
        except ClientError as error:
            if error.response["Error"]["Code"] == TOO_FAR:
                return io.BytesIO()  # as a file does past its end
            raise
        return cast("BinaryIO", _Body(answer["Body"]))


class _Body:
    """A body on its way, whose failures are ours."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        with _translated():
            return cast("bytes", self._body.read(size))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._body.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing from error
    except ClientError as error:
        known: type[Exception] = BlobMissing if error.response["Error"]["Code"] in GONE else StoreUnavailable
        raise known from error
    except FAILURES as error:
        raise StoreUnavailable from error


def _flush(path: Path) -> None:
    """The file and its name, onto the disk."""
    for place, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(place, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def documents() -> Blobs:
    """The store of DOCUMENTS_LOCATION."""
    return Blobs(storages["documents"])
