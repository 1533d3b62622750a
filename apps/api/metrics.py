"""Numbers for operators: what each room registered and what the web processes counted, as JSON or Prometheus text."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from apps.api.shared import Shared
from apps.core import dead_workers, instruments, worker_counts
from apps.core.db import run_sql, unit_of_work
from apps.core.metrics import Metric, MetricKind, Sample, gauge
from apps.core.registry import Source, registry

log = logging.getLogger(__name__)

# A scrape is shared for a moment, asks no source after its deadline, and no statement of it runs longer than this.
SHARED_SECONDS = 1.0
DEADLINE_SECONDS = 5.0
STATEMENT_TIMEOUT = "1s"

SOURCE_UP = gauge("bookentry_metrics_source_up", "1 if the source of numbers answered in this scrape.", "source")
SCRAPE = gauge("bookentry_metrics_scrape_duration_seconds", "Time this scrape took.")
OWN = (SOURCE_UP, SCRAPE)


def declared() -> dict[str, Metric]:
    """Every metric that may be exported, by name."""
    rooms = (metric for source in registry.metrics.values() for metric in source.metrics)
    return {metric.name: metric for metric in (*OWN, *instruments.DECLARED, *rooms)}


class Scrape(Collector):
    """One reading of all numbers, as prometheus_client's encoders want it."""

    def __init__(self, families: list[Family]) -> None:
        self.families = families

    def collect(self) -> Iterable[Family]:
        """The families read."""
        return self.families


def read_all() -> Scrape:
    """Ask every source. One that fails, or comes too late, is left out, logged and said to be down."""
    began = time.monotonic()
    samples: list[Sample] = []
    for name, source in sorted(registry.metrics.items()):
        found = _ask(source) if time.monotonic() - began < DEADLINE_SECONDS else None
        samples += found or ()
        samples.append(SOURCE_UP.sample(found is not None, source=name))
    counted = list(_counted())
    samples.append(SCRAPE.sample(time.monotonic() - began))
    return Scrape([*counted, *_families(samples)])


scrape = Shared(read_all, SHARED_SECONDS)


def as_json(read: Scrape) -> dict[str, Any]:
    """`{name: {type, help, samples: [{name, labels, value}]}}`"""
    return {
        _name(family): {
            "type": family.type,
            "help": family.documentation,
            "samples": [{"name": s.name, "labels": dict(s.labels), "value": s.value} for s in family.samples],
        }
        for family in read.families
    }


def _name(family: Family) -> str:
    return f"{family.name}_total" if family.type == MetricKind.COUNTER else str(family.name)


def _ask(source: Source) -> list[Sample] | None:
    try:
        with _bounded() if source.reads_database else nullcontext():
            return _all_declared(source, list(source.read()))
    except Exception as error:
        extra = {"source": source.name, "error": type(error).__name__}
        log.warning("metrics source failed", extra=extra, exc_info=True)
        return None


def _all_declared(source: Source, found: list[Sample]) -> list[Sample]:
    if strangers := {sample.metric.name for sample in found if sample.metric not in source.metrics}:
        raise LookupError(f"not declared: {sorted(strangers)}")
    return found


@contextmanager
def _bounded() -> Iterator[None]:
    """A transaction that only reads, none of whose statements runs long or waits for a lock."""
    with unit_of_work():
        run_sql("SET TRANSACTION READ ONLY")
        run_sql(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        yield


def _counted() -> Iterator[Family]:
    """What the processes of this server counted."""
    folder = worker_counts.folder()
    if folder is None:
        yield from instruments.COLLECTED.collect()
        return
    try:
        yield from dead_workers.collect(folder)
    except (OSError, ValueError):
        log.warning("workers' counts could not be read", exc_info=True)


def _families(samples: Iterable[Sample]) -> list[Family]:
    families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
    for sample in samples:
        metric = sample.metric
        if metric.name not in families:
            make = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
            families[metric.name] = make(metric.name, metric.help, labels=metric.labels)
        families[metric.name].add_metric(sample.labels, sample.value)
    return list(families.values())
