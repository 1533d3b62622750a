"""Reconcile a security: books, final events and contract storage, at one block hash."""

import logging
from datetime import datetime

from apps.chain.errors import UnknownToken
from apps.chain.selectors.tokens import binding, live_bindings
from apps.chain.services.nodes import Node
from apps.chain.types import BindingState
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.reconciliation.errors import NothingToReconcile
from apps.reconciliation.models import Run
from apps.reconciliation.selectors.runs import run
from apps.reconciliation.services.books import read_books
from apps.reconciliation.services.chain_side import read_storage
from apps.reconciliation.services.comparing import compare
from apps.reconciliation.services.recording import conclude, record
from apps.reconciliation.types import RunStatus, RunView
from apps.securities.selectors.securities import security
from apps.securities.types import SecurityView

log = logging.getLogger(__name__)


def reconcile(*, isin: str, node: Node, actor: Actor, now: datetime) -> RunView:
    """Compare and record; the run with its breaks. `now` is when it starts.

    Three steps: one snapshot of our books at the block they stand at; the chain's storage at that block, with no
    transaction open; one unit of work that records. A failed read makes the run INCOMPLETE, a cut-off block that is
    no longer canonical VOID: neither clears a break, and a VOID run is run once more. Raises UnknownSecurity,
    NothingToReconcile.
    """
    found = security(isin)
    _require_live(isin)
    row = _run(found, node, actor, now)
    if row.status == RunStatus.VOID:
        # Overtaken by a reorganisation or a newer run: the next instant may stand.
        row = _run(found, node, actor, max(now, clock.now()))
    return run(row.pk)


def _run(found: SecurityView, node: Node, actor: Actor, now: datetime) -> Run:
    books = read_books(security=found)
    storage = read_storage(node=node, books=books)
    outcome = conclude(books, storage, compare(books, storage))
    ended = max(now, clock.now())
    with unit_of_work():
        row = record(books=books, storage=storage, outcome=outcome, actor=actor, started_at=now, finished_at=ended)
    log.info("reconciled", extra={"isin": found.isin, "status": str(row.status), "breaks": row.breaks_found})
    return row


def reconcilable() -> list[str]:
    """ISINs with a live token."""
    return [found.isin for found in live_bindings()]


def _require_live(isin: str) -> None:
    try:
        live = binding(isin).state == BindingState.LIVE
    except UnknownToken:
        live = False
    if not live:
        raise NothingToReconcile(isin=isin)
