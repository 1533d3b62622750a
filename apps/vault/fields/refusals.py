"""What happens when a stored value does not open: operators are told, and nothing is shown."""

import logging
from contextlib import suppress
from typing import Any, NoReturn

from django.db import DatabaseError, connection, transaction

from apps.core import clock
from apps.core.alerts import raise_alert
from apps.core.db import after_rollback, in_unit_of_work, unit_of_work
from apps.core.types import Severity
from apps.vault.errors import Unreadable

log = logging.getLogger(__name__)


def refuse(*, place: str, row: Any, error: type[Unreadable] = Unreadable) -> NoReturn:
    """Raise an alert and `error`. `place` is table and column; `row` its key, which is no personal data."""
    log.error("a protected value does not open", extra={"place": place, "row_id": str(row), "code": error.code})
    try:
        _tell(place, row)
    except DatabaseError:
        log.exception("the alert of a protected value could not be written")
    raise error


def _tell(place: str, row: Any) -> None:
    """In the caller's transaction, should it commit in spite of the refusal, and after it, should it roll back."""
    if not in_unit_of_work():
        with unit_of_work():
            return _alert(place, row)
    # An atomic block that is no unit of work has no list of what to do after it.
    with suppress(RuntimeError):
        after_rollback(lambda: _alert(place, row))
    if not connection.needs_rollback:
        # In a savepoint: a transaction that may only read goes on reading.
        with transaction.atomic():
            _alert(place, row)
    return None


def _alert(place: str, row: Any) -> None:
    raise_alert(
        dedup_key=f"vault:unreadable:{place}",
        severity=Severity.CRITICAL,
        summary=f"A protected value of {place} was changed, moved or put back: row {row}.",
        now=clock.now(),
    )
