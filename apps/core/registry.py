"""What a lower room needs from a higher one: registered in AppConfig.ready(), looked up here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.core.metrics import Metric, Sample

if TYPE_CHECKING:
    import httpx

    from apps.core.daemon import Engine
    from apps.core.webhooks.schemes import Scheme


@dataclass(frozen=True, slots=True)
class Event:
    """One outbox event as its consumers see it, under the `request_id` of the work that published it.

    Payloads hold ids, never secrets or personal data.
    """

    id: int
    topic: str
    key: str
    payload: Mapping[str, Any]
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Runs inside the relay's unit of work: its effect and the dispatch commit together."""

    name: str
    topics: frozenset[str]
    handle: Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An outside party's event as the room that deals with it sees it. `id` is the same however often it is sent."""

    provider: str
    id: str
    payload: Mapping[str, Any]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """How a provider signs, and who deals with its events, inside the unit of work that ends them."""

    scheme: "Scheme"
    handle: Callable[[Webhook], None]


@dataclass(frozen=True, slots=True)
class Health:
    """One readiness answer. A part that is not `required` is degraded, never down."""

    ok: bool
    detail: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """A part readiness asks, in a thread of its own. `required` stands in for an answer that does not come."""

    ask: Callable[[], Health]
    required: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Some numbers a room declares, and how they are read: bounded, for it is asked at every scrape."""

    name: str
    metrics: tuple[Metric, ...]
    read: Callable[[], Iterable[Sample]]
    reads_database: bool = True


# Of rows asked for by (resource id, number), those there are: what an auditor needs to hash them.
ReadRows = Callable[[Sequence[tuple[str, int]]], Mapping[tuple[str, int], Mapping[str, Any]]]


@dataclass(slots=True)
class Registry:
    """All registrations of this process."""

    consumers: dict[str, Consumer] = field(default_factory=dict)
    engines: "dict[str, Callable[[], Engine]]" = field(default_factory=dict)
    webhooks: dict[str, WebhookSource] = field(default_factory=dict)
    health_checks: dict[str, Check] = field(default_factory=dict)
    metrics: dict[str, Source] = field(default_factory=dict)
    work: dict[str, str] = field(default_factory=dict)
    providers: "dict[str, Callable[[httpx.Client], Any]]" = field(default_factory=dict)
    named_rows: dict[str, ReadRows] = field(default_factory=dict)

    def consumer(self, name: str, topics: set[str], handle: Callable[[Event], None]) -> None:
        """Have `handle` called once in effect for each event of `topics`."""
        self.consumers[name] = Consumer(name, frozenset(topics), handle)

    def engine(self, name: str, build: "Callable[[], Engine]") -> None:
        """Make an engine known to `manage.py run_engines`."""
        self.engines[name] = build

    def webhook(self, provider: str, scheme: "Scheme", handle: Callable[[Webhook], None]) -> None:
        """Have `handle` called once in effect for each event of `provider`: it writes rows, and asks nobody outside.

        Raises ImproperlyConfigured, and so stops the start, where a variable holds no secret of this scheme.
        """
        _require_secrets_of(scheme, provider)
        self.webhooks[provider] = WebhookSource(scheme, handle)

    def work_kind(self, kind: str, task: str) -> None:
        """Have leased work of this kind done by a Celery task, which is woken by its name."""
        self.work[kind] = task

    def provider(self, name: str, build: "Callable[[httpx.Client], Any]") -> None:
        """Make an outside service known: `build` makes it of a client that follows the policy `providers.<name>`."""
        self.providers[name] = build

    def named_row(self, action: str, read: ReadRows) -> None:
        """Have bundles of the audit log carry the rows that events of this action name by hash.

        Such an event has the row's number in `after.seq`, its hash in `after.hash`. docs/audit-bundle.md has the form.
        """
        self.named_rows[action] = read

    def health_check(self, name: str, check: Callable[[], Health], *, required: bool = False) -> None:
        """Have readiness ask `check`; `required`: nothing can be served while it gives no answer in time."""
        self.health_checks[name] = Check(check, required)

    def metric(
        self,
        name: str,
        metrics: Iterable[Metric],
        read: Callable[[], Iterable[Sample]],
        *,
        reads_database: bool = True,
    ) -> None:
        """Have the metrics endpoint publish what `read` returns: samples of `metrics` and of no others."""
        self.metrics[name] = Source(name, tuple(metrics), read, reads_database)


def _require_secrets_of(scheme: "Scheme", provider: str) -> None:
    policy = settings.SECURITY.webhooks.inbound.get(provider)
    if policy is None or not policy.enabled:
        return
    for secret in (policy.secret, policy.next_secret):
        try:
            _ = secret.is_set and scheme.key(secret.reveal())
        except ValueError:
            raise ImproperlyConfigured(f"{secret.variable} must be {scheme.key_form}") from None


registry = Registry()
