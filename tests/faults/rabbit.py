"""RabbitMQ, one node of our own on loopback: the other broker there may be."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from apps.core.devstack.ports import free_port
from apps.core.devstack.processes import ProcessRecord, end_session
from tests.faults.debian import unpacked

ERLANG = (
    "base asn1 crypto eldap ftp inets mnesia os-mon parsetools public-key runtime-tools snmp ssl syntax-tools tftp "
    "tools xmerl"
)
PACKAGES = ("rabbitmq-server", *(f"erlang-{part}" for part in ERLANG.split()))
START_SECONDS = 90
# Debian's `erl` looks for its files where Debian installs them, whatever it is told.
ERL = """#!/bin/sh
export ROOTDIR={root} BINDIR={erts}/bin EMU=beam PROGNAME=erl
exec {erts}/bin/erlexec "$@"
"""
# No listener but the broker's own and, for Erlang's distribution, these two on loopback.
CONFIG = "listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users.guest = true\nlog.file = false\nlog.console = true\n"


@contextmanager
def rabbit() -> Iterator[str]:
    """The URL of a broker that ends with the block. Skips where it can neither be found nor fetched."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="bookentry-rabbit-", ignore_cleanup_errors=True) as name:
        folder, port, names = Path(name), free_port(), free_port()
        (folder / "rabbitmq.conf").write_text(CONFIG.format(port=port))
        environment = _environment(programs, folder, names)
        with (folder / "log").open("wb") as log:
            options = {"env": environment, "cwd": folder, "stdout": log, "stderr": log, "start_new_session": True}
            register = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(names)], **options)
            node = subprocess.Popen([programs["server"]], **options)
        url = f"amqp://guest:guest@127.0.0.1:{port}//"
        try:
            _until_it_answers(url, node, folder / "log")
            yield url
        finally:
            for process in (node, register):
                if process.poll() is None:
                    end_session(ProcessRecord.of(process.pid), seconds=15)
                process.wait()


def _programs() -> dict[str, str]:
    """Where the server's script is, and what goes before PATH."""
    installed = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if installed.exists() and shutil.which("erl"):
        return {"server": str(installed.resolve()), "path": ""}
    folder = unpacked("rabbitmq", PACKAGES, "usr/lib/rabbitmq/bin/rabbitmq-server")
    erlang = folder / "usr/lib/erlang"
    erl = folder / "erl"
    erl.write_text(ERL.format(root=erlang, erts=next(erlang.glob("erts-*"))))
    erl.chmod(0o755)
    server = (folder / "usr/lib/rabbitmq/bin/rabbitmq-server").resolve()
    return {"server": str(server), "path": f"{folder}:{erlang}/bin:{folder}/usr/bin:"}


def _environment(programs: Mapping[str, str], folder: Path, names: int) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": programs["path"] + os.environ["PATH"],
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "bookentry@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


def _until_it_answers(url: str, node: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while node.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, OperationalError), Connection(url, connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
            return
        time.sleep(0.5)
    pytest.fail(f"RabbitMQ does not answer:\n{log.read_text(errors='replace')[-3000:]}")
