"""Types of reports."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What to report on. Dates are inclusive, in UTC; None means no bound."""

    isin: str | None = None
    status: str | None = None
    date_from: date | None = None
    date_to: date | None = None

    @property
    def starts_at(self) -> datetime | None:
        """The first instant within."""
        return datetime.combine(self.date_from, time(), UTC) if self.date_from else None

    @property
    def ends_before(self) -> datetime | None:
        """The first instant after."""
        return datetime.combine(self.date_to + timedelta(days=1), time(), UTC) if self.date_to else None

    @property
    def params(self) -> dict[str, Any]:
        """The bounds and the status as query parameters."""
        return {
            "status": self.status,
            "date_from": self.date_from,
            "date_to": self.date_to,
            "starts_at": self.starts_at,
            "ends_before": self.ends_before,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Rows as of one instant. `sha256` is of the rows as canonical JSON: sorted keys, no spaces, UTF-8."""

    name: str
    as_of: datetime
    ledger_sequence: int
    block_number: int | None
    block_hash: str | None
    query: ReportQuery
    rows: list[Row]
    row_count: int
    sha256: str
