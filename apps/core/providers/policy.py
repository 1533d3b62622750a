"""What this room needs of a service's policy, whichever class settings.SECURITY holds it in. Seconds throughout."""

from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class Timeouts(Protocol):
    """Of one call."""

    @property
    def connect_seconds(self) -> float: ...
    @property
    def read_seconds(self) -> float: ...
    @property
    def write_seconds(self) -> float: ...
    @property
    def pool_seconds(self) -> float: ...
    @property
    def total_seconds(self) -> float: ...


class Breaker(Protocol):
    """When calls stop."""

    @property
    def failures(self) -> int: ...
    @property
    def slow_seconds(self) -> float: ...
    @property
    def open_seconds(self) -> float: ...
    @property
    def probe_seconds(self) -> float: ...


class Retry(Protocol):
    """How calls are repeated."""

    @property
    def attempts(self) -> int: ...
    @property
    def first_delay_seconds(self) -> float: ...
    @property
    def longest_delay_seconds(self) -> float: ...
    @property
    def budget_percent(self) -> int: ...
    @property
    def budget_burst(self) -> int: ...


class Policy(Protocol):
    """Of one service."""

    @property
    def timeouts(self) -> Timeouts: ...
    @property
    def breaker(self) -> Breaker: ...
    @property
    def retry(self) -> Retry: ...
    @property
    def max_connections(self) -> int: ...
    @property
    def max_response_bytes(self) -> int: ...


def service_of(name: str) -> str:
    """The service of which `service:instance` is one."""
    return name.partition(":")[0]


def policy_of(name: str) -> Policy:
    """The policy of a service. Raises ImproperlyConfigured where the policy file has none."""
    name = service_of(name)
    policies: Mapping[str, Any] = settings.SECURITY.providers
    if name not in policies:
        raise ImproperlyConfigured(f"{settings.SECURITY_FILE}: providers.{name} is missing: this service is called")
    policy: Policy = policies[name]
    return policy
