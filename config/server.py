"""The web server: `python -m config.server`. The one place that says how the API is served (ADR 8).

Slow senders of headers are ended by the server itself; slow senders of bodies hold a thread each, so a proxy that
buffers requests stands in front wherever strangers may connect.
"""

import argparse
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import MPServer

from config.environment import provide_development_servers, read_env_file, refusing_to_start
from config.variables import Variables

HEADER_BYTES = 65_536
HEADER_MILLISECONDS = 10_000
GRACE_SECONDS = 10
# Threads wait on the database most of the time: each answer waits for the interpreter at most this long.
SWITCH_SECONDS = 0.0005


def application() -> Callable[..., Any]:
    """The WSGI application of one worker, which ends when its server is gone: nothing else would end it."""
    sys.setswitchinterval(SWITCH_SECONDS)
    threading.Thread(target=_end_with, args=(os.getppid(),), name="parent-watch", daemon=True).start()
    return importlib.import_module("config.wsgi").application


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


@dataclass(frozen=True, slots=True)
class Web:
    """How to serve, from WEB_* (.env.example says what each means)."""

    host: str
    port: int
    workers: int
    threads: int
    worker_mebibytes: int
    certificate: str
    key: str

    @classmethod
    def read(cls, env: Variables) -> "Web":
        """What the environment asks for. Raises Misconfigured, naming what is wrong."""
        certificate, key = env.files("WEB_TLS_CERTIFICATE", "WEB_TLS_KEY")
        found = cls(
            host=env.text("WEB_HOST", "127.0.0.1"),
            port=env.whole("WEB_PORT", 8000, least=1, most=65_535),
            workers=env.whole("WEB_WORKERS", 2, least=1, most=256),
            threads=env.whole("WEB_THREADS", 16, least=1, most=256),
            worker_mebibytes=env.whole("WEB_WORKER_MAX_MEMORY_MIB", 512, least=128),
            certificate=certificate,
            key=key,
        )
        env.refuse()
        return found


def server(web: Web) -> MPServer:
    """The server, not yet listening."""
    return MPServer(
        "config.server:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=web.host,
        port=web.port,
        workers=web.workers,
        blocking_threads=web.threads,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=HEADER_BYTES),
        websockets=False,
        log_dictconfig=settings.LOGGING,
        ssl_cert=Path(web.certificate) if web.certificate else None,
        ssl_key=Path(web.key) if web.key else None,
        ssl_protocol_min=SSLProtocols.tls13,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=GRACE_SECONDS,
        workers_max_rss=web.worker_mebibytes,
    )


def main() -> None:
    """Serve until SIGTERM: requests in hand are finished."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    read_env_file()
    provide_development_servers([sys.argv[0], "serve"])
    with refusing_to_start():
        web = Web.read(Variables())
        options = _options(web)
        serving = server(replace(web, host=options.host, port=options.port))
    serving.serve()


def _options(web: Web) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m config.server", description=__doc__)
    parser.add_argument("--host", default=web.host)
    parser.add_argument("--port", type=int, default=web.port)
    return parser.parse_args()


if __name__ == "__main__":
    main()
