"""Reconcile a security: books, final logs and the chain, at one block hash."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.chain.errors import UnknownToken
from apps.chain.selectors.tokens import binding, live_bindings
from apps.chain.services.nodes import Node
from apps.chain.types import BindingState
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import Advisory, session_lock, unit_of_work
from apps.core.errors import DomainError
from apps.reconciliation.errors import NothingToReconcile, RunUnderWay
from apps.reconciliation.models import Run
from apps.reconciliation.selectors.runs import run
from apps.reconciliation.selectors.scope import last_concluded
from apps.reconciliation.services.alerting import CONCLUSIVE, alert_of_attesting
from apps.reconciliation.services.attesting import attest
from apps.reconciliation.services.books import Ask, read_books
from apps.reconciliation.services.chain_side import Progress, read_storage
from apps.reconciliation.services.comparing import compare
from apps.reconciliation.services.concluding import conclude
from apps.reconciliation.services.recording import cut_off_of, record
from apps.reconciliation.types import LookBack, RunDepth, RunStatus, RunView
from apps.securities.selectors.securities import security
from apps.securities.types import SecurityView

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunOrder:
    """How far to look. `incremental`: at what changed since the last run that concluded, and at what is broken; the
    first run of a security looks at all. `attest`: sign what the positions were, if the run concludes.
    """

    depth: RunDepth = RunDepth.FOLD
    incremental: bool = False
    attest: bool = False


def reconcile(
    *,
    isin: str,
    nodes: Sequence[Node],
    actor: Actor,
    now: datetime,
    order: RunOrder = RunOrder(),
    progress: Progress = lambda _: None,
) -> RunView:
    """Compare and record; the run with its breaks. `now` is when it starts.

    The first of `nodes` is asked; every one is to confirm the cut-off, and where there are several two must. Three
    steps: one snapshot of our books at the block they stand at; the chain at that block, with no transaction open;
    one unit of work that records. A failed read makes the run INCOMPLETE, a cut-off block that is no longer canonical
    VOID: neither clears a break, and a VOID run is run once more. Raises UnknownSecurity, NothingToReconcile, and
    RunUnderWay: a security has one run at a time.
    """
    found = security(isin)
    _require_live(isin)
    with session_lock(Advisory.RECONCILING, isin) as free:
        if not free:
            raise RunUnderWay(isin=isin)
        row = _run(found, nodes, actor, now, order, progress)
        if row.status == RunStatus.VOID:
            # Overtaken by a reorganisation or a newer run: the next instant may stand.
            row = _run(found, nodes, actor, max(now, clock.now()), order, progress)
    if order.attest and row.status in CONCLUSIVE:
        _attest(row, nodes[0])
    return run(row.pk)


def _attest(row: Run, node: Node) -> None:
    """Sign its positions. Where that is refused the run stands, and a person is told."""
    refused = ""
    try:
        attest(run_id=row.pk, node=node, now=clock.now())
    except DomainError as error:
        refused = error.message
        log.warning("not attested", extra={"isin": row.isin, "error": error.code})
    with unit_of_work():
        alert_of_attesting(row.isin, refused=refused, now=clock.now())


def _run(
    found: SecurityView, nodes: Sequence[Node], actor: Actor, now: datetime, order: RunOrder, progress: Progress
) -> Run:
    since = last_concluded(found.isin) if order.incremental else None
    books = read_books(security=found, now=now, ask=Ask(order.depth, since))
    storage = read_storage(nodes=nodes, books=books, depth=order.depth, progress=progress)
    outcome = conclude(books, storage, compare(books, storage))
    ended = max(now, clock.now())
    with unit_of_work():
        row = record(
            books=books,
            storage=storage,
            outcome=outcome,
            depth=order.depth,
            actor=actor,
            started_at=now,
            finished_at=ended,
        )
    log.info("reconciled", extra={"isin": found.isin, "status": str(row.status), "breaks": row.breaks_found})
    return row


def look_back(
    *,
    isin: str,
    block: int,
    nodes: Sequence[Node],
    now: datetime,
    depth: RunDepth = RunDepth.FOLD,
    progress: Progress = lambda _: None,
) -> LookBack:
    """Compare as of an earlier final block, which the books have passed: what a run there would find. Writes nothing.

    The ledger is as of the block's own time. The node must still have the block's state. Raises UnknownSecurity,
    NothingToReconcile.
    """
    found = security(isin)
    _require_live(isin)
    books = read_books(security=found, now=now, ask=Ask(depth, block=block))
    storage = read_storage(nodes=nodes, books=books, depth=depth, progress=progress)
    outcome = conclude(books, storage, compare(books, storage))
    cut_off = cut_off_of(books, storage)
    return LookBack(isin, outcome.status, cut_off, outcome.problems, books.wallets, outcome.findings)


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
