"""Starting and stopping the servers of a profile together."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from apps.core.devstack.anvil import Anvil
from apps.core.devstack.errors import DevstackError
from apps.core.devstack.layout import PROFILES, Home
from apps.core.devstack.postgres import Postgres
from apps.core.devstack.server import Server
from apps.core.devstack.state import State, locked
from apps.core.devstack.urls import Urls, from_environment
from apps.core.devstack.valkey import Valkey

SERVERS: dict[str, type[Server]] = {server.name: server for server in (Postgres, Valkey, Anvil)}
ALL = tuple(SERVERS)


def ensure(profile: str = "dev", services: tuple[str, ...] = ALL, *, root: Path | None = None) -> Urls:
    """Start what does not run yet and return where everything is.

    A service whose variable is set in the environment is taken from there and not started. Servers are shared by
    all processes of the checkout and outlive the caller; `stop` ends them. `root` replaces `<checkout>/.local`.
    Raises DevstackError, one line saying what to do.
    """
    return start(profile, services, root=root)[0]


def start(
    profile: str = "dev", services: Iterable[str] = ALL, *, root: Path | None = None
) -> tuple[Urls, tuple[str, ...]]:
    """Do as `ensure` does, and return also the names of the servers this call started."""
    urls = from_environment()
    wanted = [_server_class(name) for name in services]
    missing = [server for server in wanted if server.replaced_by not in urls]
    if not missing:
        return Urls(**urls), ()
    home = Home.of(profile, root)
    with locked(home):
        state = State(home)
        servers = [server(home, state) for server in missing]
        with ThreadPoolExecutor(len(servers)) as pool:
            started = list(pool.map(Server.start, servers))
        for server in servers:
            urls |= server.urls()
    return Urls(**urls), tuple(server.name for server, fresh in zip(servers, started, strict=True) if fresh)


def export_missing_urls(profile: str = "dev", services: tuple[str, ...] = ALL, *, root: Path | None = None) -> Urls:
    """Do as `ensure` does and put the addresses into this process's environment, for settings to read."""
    urls = ensure(profile, services, root=root)
    os.environ.update(urls.as_env())
    return urls


def status(profile: str, *, root: Path | None = None) -> dict[str, int | None]:
    """Return the pid of each server of the profile, None for one that does not run."""
    home = Home.of(profile, root)
    if not home.state.exists():
        return dict.fromkeys(ALL)
    state = State(home)
    return {name: server(home, state).pid() for name, server in SERVERS.items()}


def stop(
    profile: str = "all", services: Iterable[str] = ALL, *, root: Path | None = None
) -> dict[str, tuple[str, ...]]:
    """End the servers of one profile, or of all; return by profile the names of those that ran."""
    names = tuple(PROFILES) if profile == "all" else (profile,)
    homes = [Home.of(name, root) for name in names]
    return {home.profile.name: _stop(home, tuple(services)) for home in homes if home.folder.exists()}


def _stop(home: Home, services: tuple[str, ...]) -> tuple[str, ...]:
    with locked(home):
        state = State(home)
        return tuple(name for name in services if _server_class(name)(home, state).stop())


def _server_class(name: str) -> type[Server]:
    try:
        return SERVERS[name]
    except KeyError:
        raise DevstackError(f"unknown server {name!r}: there are {', '.join(SERVERS)}") from None
