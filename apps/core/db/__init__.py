"""The one door to the database beyond the ORM: units of work, locks, COPY, notifications, append-only tables.

All raw driver use stays in this package, so that a change of driver is a change of one folder.
"""

from apps.core.db.columns import Columns
from apps.core.db.constraints import constraint_error
from apps.core.db.copy import copy_lines, copy_rows
from apps.core.db.fields import BaseUnitsField, TokenUnitsField
from apps.core.db.locks import Advisory, lock_for_transaction, session_lock, try_lock_and_read, try_session_lock
from apps.core.db.models import AppendOnlyModel, LastingModel, TriggerWrittenModel
from apps.core.db.notify import Listener, notify
from apps.core.db.reruns import with_reruns
from apps.core.db.snapshots import meanwhile, snapshot
from apps.core.db.sql import as_columns, fetch_all, fetch_one, run_sql
from apps.core.db.unit_of_work import after_rollback, in_unit_of_work, unit_of_work, within_unit_of_work

__all__ = [
    "Advisory",
    "AppendOnlyModel",
    "BaseUnitsField",
    "Columns",
    "LastingModel",
    "Listener",
    "TokenUnitsField",
    "TriggerWrittenModel",
    "after_rollback",
    "as_columns",
    "constraint_error",
    "copy_lines",
    "copy_rows",
    "fetch_all",
    "fetch_one",
    "in_unit_of_work",
    "lock_for_transaction",
    "meanwhile",
    "notify",
    "run_sql",
    "session_lock",
    "snapshot",
    "try_lock_and_read",
    "try_session_lock",
    "unit_of_work",
    "with_reruns",
    "within_unit_of_work",
]
