"""What a lower room needs from a higher one: registered in AppConfig.ready(), looked up here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.core.daemon import Engine


@dataclass(frozen=True, slots=True)
class Event:
    """One outbox event as its consumers see it. Payloads hold ids, never secrets or personal data."""

    id: int
    topic: str
    key: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Consumer:
    """Runs inside the relay's unit of work: its effect and the dispatch commit together."""

    name: str
    topics: frozenset[str]
    handle: Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Health:
    """One readiness answer. A part that is not `required` is degraded, never down."""

    ok: bool
    detail: str = ""
    required: bool = True


@dataclass(slots=True)
class Registry:
    """All registrations of this process."""

    consumers: dict[str, Consumer] = field(default_factory=dict)
    engines: "dict[str, Callable[[], Engine]]" = field(default_factory=dict)
    health_checks: dict[str, Callable[[], Health]] = field(default_factory=dict)
    metrics: dict[str, Callable[[], Mapping[str, float]]] = field(default_factory=dict)

    def consumer(self, name: str, topics: set[str], handle: Callable[[Event], None]) -> None:
        """Have `handle` called once in effect for each event of `topics`."""
        self.consumers[name] = Consumer(name, frozenset(topics), handle)

    def engine(self, name: str, build: "Callable[[], Engine]") -> None:
        """Make an engine known to `manage.py run_engines`."""
        self.engines[name] = build

    def health_check(self, name: str, check: Callable[[], Health]) -> None:
        """Have readiness ask `check`."""
        self.health_checks[name] = check

    def metric(self, name: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Have the metrics endpoint publish what `read` returns: metric name to value."""
        self.metrics[name] = read


registry = Registry()
