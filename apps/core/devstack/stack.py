"""Starting and stopping the servers of a profile together."""

import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from apps.core.devstack.anvil import Anvil
from apps.core.devstack.children import end_leftovers
from apps.core.devstack.errors import DevstackError
from apps.core.devstack.layout import PROFILES, Home
from apps.core.devstack.postgres import Postgres
from apps.core.devstack.processes import ProcessRecord, end
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
        started = _start_together(servers)
        for server in servers:
            urls |= server.urls()
    return Urls(**urls), started


def _start_together(servers: list[Server]) -> tuple[str, ...]:
    """Start side by side and return the names of those that did not run; if one fails, none of them stays."""
    with ThreadPoolExecutor(len(servers)) as pool:
        starts = {server: pool.submit(server.start) for server in servers}
    failure = next((error for start in starts.values() if (error := start.exception())), None)
    fresh = [server for server, start in starts.items() if not start.exception() and start.result()]
    if failure is not None:
        for server in fresh:
            server.stop()
        raise failure
    return tuple(server.name for server in fresh)


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


def stop(profile: str = "all", *, root: Path | None = None) -> dict[str, tuple[str, ...]]:
    """End everything of one profile, or of all: supervisor, its children, servers.

    Returns by profile the names of what ran.
    """
    names = tuple(PROFILES) if profile == "all" else (profile,)
    homes = [home for home in (Home.of(name, root) for name in names) if home.folder.exists()]
    return {home.profile.name: (*_stop_serving(home), *stop_servers(home)) for home in homes}


def stop_servers(home: Home, names: Iterable[str] = ALL) -> tuple[str, ...]:
    """End the named servers of the profile and return the names of those that ran."""
    with locked(home):
        state = State(home)
        return tuple(name for name in names if _server_class(name)(home, state).stop())


def wipe(home: Home) -> None:
    """Stop the profile's servers and forget its data: books, queues, chain, ports and passwords."""
    stop_servers(home)
    with locked(home):
        for name in ALL:
            shutil.rmtree(home.service(name), ignore_errors=True)
        home.state.unlink(missing_ok=True)


def _stop_serving(home: Home) -> tuple[str, ...]:
    """End the supervisor, which ends its children; then children it left behind if it had been killed."""
    record = ProcessRecord.read(home.serving)
    supervisor = record.process() if record else None
    if supervisor is not None:
        end(supervisor, seconds=30)
    home.serving.unlink(missing_ok=True)
    home.processes.unlink(missing_ok=True)
    return (*(("serve",) if supervisor else ()), *end_leftovers(home))


def _server_class(name: str) -> type[Server]:
    try:
        return SERVERS[name]
    except KeyError:
        raise DevstackError(f"unknown server {name!r}: there are {', '.join(SERVERS)}") from None
