"""Builds each outside service once a process, from the policy and what its room registered; closes them at the end."""

import atexit
import os
import threading
from contextlib import suppress
from typing import Any

import httpx

from apps.core.providers.policy import Policy, policy_of, service_of
from apps.core.providers.transport import GuardedTransport
from apps.core.registry import registry


class Factory:
    """The services of one process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as in a forked child: the connections are the parent's, and are not closed from here."""
        self._lock = threading.Lock()
        self._built: dict[str, tuple[httpx.Client, Any]] = {}

    def get(self, name: str) -> Any:
        """The service, built on first use. Raises KeyError where no room registered it, ImproperlyConfigured."""
        with self._lock:
            if name not in self._built:
                client = guarded_client(name, policy_of(name))
                build = registry.providers.get(name) or registry.providers[service_of(name)]
                self._built[name] = (client, build(client))
            return self._built[name][1]

    def close(self) -> None:
        """End all connections. What is asked for afterwards is built anew."""
        with self._lock:
            built, self._built = self._built, {}
        for client, _service in built.values():
            client.close()

    def end(self) -> None:
        """Close at the process's end, when the database may be out of reach already."""
        with suppress(RuntimeError):
            self.close()


def guarded_client(name: str, policy: Policy) -> httpx.Client:
    """A client that follows the policy. No redirects, no proxies from the environment."""
    return httpx.Client(transport=GuardedTransport(name, policy), trust_env=False, follow_redirects=False)


factory = Factory()
os.register_at_fork(after_in_child=factory.forget)
atexit.register(factory.end)
