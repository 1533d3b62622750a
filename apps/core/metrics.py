"""Numbers for operators: declared once with name, kind, labels and help; read when somebody asks.

Names follow Prometheus: `bookentry_<room>_<what>_<unit>`, counters end in `_total`, and what tells samples apart is a
label, never a part of the name. Label values come from code (states, kinds, engines), never from people's data.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from apps.core.db import fetch_all

# A backlog is counted up to here: beyond it, how long the oldest has waited says more than how many wait.
COUNTED_TO = 100_000
_NAME = re.compile(r"bookentry_[a-z][a-z0-9_]*[a-z0-9]")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")


class MetricKind(StrEnum):
    """As Prometheus' TYPE says it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of numbers. Raises ValueError for a name that breaks the rules of names."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        total = self.name.endswith("_total")
        if not _NAME.fullmatch(self.name) or total != (self.kind is MetricKind.COUNTER):
            raise ValueError(f"{self.name} is no good name of a {self.kind}")
        if not self.help or not all(_LABEL.fullmatch(label) for label in self.labels):
            raise ValueError(f"{self.name} needs help and plain label names")

    def sample(self, value: float, **labels: object) -> "Sample":
        """One value, with all labels named. Raises ValueError for another set of labels."""
        if set(labels) != set(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {tuple(labels)}")
        return Sample(self, float(value), tuple(str(labels[label]) for label in self.labels))


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a metric under label values in the order the metric names them."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


def gauge(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 (Prometheus' word)
    """A number that goes up and down."""
    return Metric(name, MetricKind.GAUGE, help, labels)


def counter(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 (Prometheus' word)
    """A number that only grows."""
    return Metric(name, MetricKind.COUNTER, help, labels)


def histogram(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 (Prometheus' word)
    """Observations in buckets."""
    return Metric(name, MetricKind.HISTOGRAM, help, labels)


def counted(rows: "QuerySet[Any]", to: int = COUNTED_TO) -> int:
    """How many rows there are, counted up to a bound, so that no backlog makes a scrape slow."""
    return rows.order_by()[:to].count()


def counted_by(rows: "QuerySet[Any]", *columns: str, to: int = COUNTED_TO) -> list[tuple[Any, ...]]:
    """(value of each column..., number of rows) over at most `to` rows. Columns are named by us, never by data."""
    statement, params = rows.order_by().values_list(*columns)[:to].query.sql_with_params()
    names = ", ".join(columns)
    grouped = f"SELECT {names}, count(*) FROM ({statement}) bounded GROUP BY {names} ORDER BY {names}"  # noqa: S608
    return fetch_all(grouped, params)
