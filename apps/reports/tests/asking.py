"""Asking for reports."""

from datetime import datetime
from typing import Any

from apps.accounts.tests.factories import actor_of, make_user
from apps.accounts.types import Role
from apps.core import clock
from apps.core.actor import Actor
from apps.reports.selectors.building import ReportName, build_report
from apps.reports.types import Report, ReportQuery


def officer() -> Actor:
    """Somebody of operations."""
    return actor_of(make_user(role=Role.OPS))


def report(name: str, actor: Actor | None = None, now: datetime | None = None, **query: Any) -> Report:
    """The report an officer gets, unless another asks."""
    asked = ReportQuery(**query)
    return build_report(name=ReportName(name), actor=actor or officer(), query=asked, now=now or clock.now())


def row(name: str, isin: str, **query: Any) -> dict[str, Any]:
    """The row of one security."""
    (found,) = report(name, isin=isin, **query).rows
    return found
