"""Stores for documents: a folder, and a bucket behind a server that speaks S3 on loopback."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.test import override_settings
from moto.server import ThreadedMotoServer

from config.storages import bucket, folder


@contextmanager
def a_bucket() -> Iterator[dict[str, Any]]:
    """A storage in an empty bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        storage = bucket(f"documents-{uuid.uuid4().hex[:8]}", "kept/here")
        login = {"access_key": "test", "secret_key": "test", "region_name": "us-east-1"}
        storage["OPTIONS"] |= login | {"endpoint_url": f"http://{host}:{port}"}
        with stored_in(storage):
            made: Any = storages["documents"]
            made.connection.meta.client.create_bucket(Bucket=storage["OPTIONS"]["bucket_name"])
            yield storage
    finally:
        server.stop()


@contextmanager
def a_folder(path: Path) -> Iterator[dict[str, Any]]:
    """A storage in a folder."""
    storage = folder(str(path))
    with stored_in(storage):
        yield storage


@contextmanager
def stored_in(storage: dict[str, Any]) -> Iterator[None]:
    """Have documents lie there."""
    with override_settings(STORAGES=settings.STORAGES | {"documents": storage}):
        yield
