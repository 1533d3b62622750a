"""PgBouncer in transaction mode, as production may put it between web or tasks and PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from apps.core.devstack.ports import free_port
from tests.faults.debian import libraries, unpacked

PACKAGES = ("pgbouncer", "libc-ares2", "libevent-2.1-7")
INI = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
server_idle_timeout = 10
{user}
"""


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """`url` by way of a PgBouncer of our own, which ends with the block."""
    program, environment = _program()
    parts = urlsplit(url)
    with tempfile.TemporaryDirectory(prefix="bookentry-pooler-") as name:
        folder, listen = Path(name), free_port()
        _write(folder, parts.hostname or "", parts.port or 5432, listen, f'"{parts.username}" "{parts.password}"\n')
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program, str(folder / "ini")], env=environment, stdout=log, stderr=log)
        through = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{listen}"))
        try:
            _until_it_answers(through, folder / "log")
            yield through
        finally:
            process.terminate()
            process.wait(10)


def _program() -> tuple[str, dict[str, str]]:
    if found := shutil.which("pgbouncer"):
        return found, dict(os.environ)
    folder = unpacked("pgbouncer", PACKAGES, "usr/sbin/pgbouncer")
    return str(folder / "usr/sbin/pgbouncer"), libraries(folder)


def _write(folder: Path, host: str, port: int, listen: int, users: str) -> None:
    user = "user = nobody" if os.getuid() == 0 else ""  # it refuses to be root
    (folder / "ini").write_text(INI.format(host=host, port=port, listen=listen, folder=folder, user=user))
    (folder / "users.txt").write_text(users)
    folder.chmod(0o711)
    if user:
        shutil.chown(folder / "users.txt", "nobody")
    (folder / "users.txt").chmod(0o400)


def _until_it_answers(url: str, log: Path) -> None:
    deadline = time.monotonic() + 10
    while not _answers(url):
        if time.monotonic() > deadline:
            pytest.fail(f"PgBouncer does not answer:\n{log.read_text()}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True
