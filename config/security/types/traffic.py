"""Calls we make, and calls we take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from config.security.keys import Conflict, Key
from config.security.secrets import Secret


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Of one call. Each is also cut to what is left of the total."""

    connect_seconds: Annotated[float, Key("to open a connection, TLS included", 0.01, 60)]
    read_seconds: Annotated[float, Key("between two pieces of an answer", 0.01, 120)]
    write_seconds: Annotated[float, Key("between two pieces of a request", 0.01, 120)]
    pool_seconds: Annotated[float, Key("for one of our own connections to become free", 0.01, 60)]
    total_seconds: Annotated[float, Key("for the whole call, its retries included", 0.01, 300)]

    def conflicts(self) -> Iterator[Conflict]:
        """No part is longer than the whole."""
        for name in ("connect_seconds", "read_seconds", "write_seconds", "pool_seconds"):
            if (seconds := getattr(self, name)) > self.total_seconds:
                yield Conflict(name, str(seconds), f"at most total_seconds ({self.total_seconds})")


@dataclass(frozen=True, slots=True)
class Breaker:
    """When calls stop, and how they begin again. All processes share one state."""

    failures: Annotated[int, Key("failures in a row, over all processes, that open it", 1, 1_000)]
    slow_seconds: Annotated[float, Key("an answer that takes longer counts as a failure", 0.01, 300)]
    open_seconds: Annotated[float, Key("seconds it stays open before one probe is let through", 0.1, 3_600)]
    probe_seconds: Annotated[float, Key("seconds after which a probe that never ended is given up", 0.1, 600)]


@dataclass(frozen=True, slots=True)
class Retry:
    """Only of calls that may be repeated: by their method, an Idempotency-Key, or the caller's word."""

    attempts: Annotated[int, Key("tries of one call, the first included; 1: none is repeated", 1, 10)]
    first_delay_seconds: Annotated[
        float, Key("longest wait before the second try; doubles with each, random", 0.001, 60)
    ]
    longest_delay_seconds: Annotated[float, Key("longest wait between two tries", 0.001, 300)]
    budget_percent: Annotated[int, Key("retries for each hundred calls of a process, at most", 0, 50)]
    budget_burst: Annotated[int, Key("retries a process may make beyond that", 0, 100)]

    def conflicts(self) -> Iterator[Conflict]:
        """Delays grow."""
        if self.first_delay_seconds > self.longest_delay_seconds:
            longest = f"at most longest_delay_seconds ({self.longest_delay_seconds})"
            yield Conflict("first_delay_seconds", str(self.first_delay_seconds), longest)


@dataclass(frozen=True, slots=True)
class ProviderPolicy:
    """How one outside service is called."""

    secrets: Annotated[tuple[Secret, ...], Key("variables that hold what it gave us", 0, 4)]
    timeouts: Timeouts
    breaker: Breaker
    retry: Retry
    max_connections: Annotated[int, Key("connections of one process", 1, 1_000)]
    max_response_bytes: Annotated[int, Key("bytes of an answer, unpacked; a longer one is dropped", 1_024, 2**30)]

    def conflicts(self) -> Iterator[Conflict]:
        """A probe that lives has ended before its lease: otherwise a second one could run beside it."""
        total = self.timeouts.total_seconds
        if self.breaker.probe_seconds <= total:
            more = f"more than timeouts.total_seconds ({total})"
            yield Conflict("breaker.probe_seconds", str(self.breaker.probe_seconds), more)
        if self.breaker.slow_seconds > total:
            yield Conflict(
                "breaker.slow_seconds", str(self.breaker.slow_seconds), f"at most timeouts.total_seconds ({total})"
            )


Providers = Mapping[str, ProviderPolicy]


@dataclass(frozen=True, slots=True)
class Tier:
    """What a tier multiplies the common limits by, bucket by bucket."""

    read: Annotated[int, Key("times the limit of reads", 1, 1_000)]
    trade: Annotated[int, Key("times the limit of orders and other commands", 1, 1_000)]
    cancel: Annotated[int, Key("times the limit of cancels", 1, 1_000)]

    def conflicts(self) -> Iterator[Conflict]:
        """Whoever may place more may cancel as many."""
        if self.cancel < self.trade:
            yield Conflict("cancel", str(self.cancel), f"at least trade ({self.trade})")


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a minute; the common limits are RATE_LIMIT_USER and its like."""

    default_tier: Annotated[str, Key("the tier of whoever has none of their own")]
    tiers: Annotated[Mapping[str, Tier], Key("by name")]

    def conflicts(self) -> Iterator[Conflict]:
        """The default is one of the tiers."""
        if self.default_tier not in self.tiers:
            yield Conflict("default_tier", "a tier that is not declared", f"one of {', '.join(sorted(self.tiers))}")
