"""Where configuration comes from: the process environment, and `.env` beside manage.py.

Settings stay free of side effects: servers are started here, by the doors that run
the project (manage.py, conftest.py), never on import of the settings.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from config.variables import Variables

BASE_DIR = Path(__file__).resolve().parent.parent

SERVER_VARIABLES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CHAIN_RPC_URL")

# These commands read no row, so development starts no server for them.
SERVERLESS_COMMANDS = frozenset({"help", "version", "spectacular", "collectstatic", "--help", "--version"})


def read_env_file() -> None:
    """Read `.env` if it exists; variables already set win."""
    file = BASE_DIR / ".env"
    if file.exists():
        environ.Env.read_env(str(file))


@contextmanager
def refusing_to_start() -> Iterator[None]:
    """End the process with what is missing or wrong, and no traceback."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.exit(f"Refusing to start: {error}")


def is_development() -> bool:
    """Development is asked for, never assumed: DJANGO_DEBUG must say true."""
    read_env_file()
    env = Variables()
    debug = env.flag("DJANGO_DEBUG", default=False)
    env.refuse()
    return debug


def missing_servers() -> list[str]:
    """Names of the server URLs that the environment leaves unset."""
    return [name for name in SERVER_VARIABLES if not os.environ.get(name)]


def profile() -> str:
    """The development profile whose servers and data this process uses."""
    return os.environ.get("BOOKENTRY_PROFILE") or "dev"


def provide_development_servers(argv: Sequence[str]) -> None:
    """In development, start embedded servers for the URLs that are unset. In production the settings name them."""
    command = argv[1] if len(argv) > 1 else "help"
    if not missing_servers() or command in SERVERLESS_COMMANDS:
        return
    with refusing_to_start():
        development = is_development()
    if development:
        start_embedded_servers()


def start_embedded_servers() -> None:
    """Start this profile's servers and export their URLs."""
    from apps.core.devstack import DevstackError, export_missing_urls

    try:
        export_missing_urls(profile())
    except DevstackError as error:
        sys.exit(str(error))
