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
from apps.reconciliation.selectors.scope import BEGINNING, last_concluded
from apps.reconciliation.services.alerting import CONCLUSIVE, alert_of_attesting
from apps.reconciliation.services.attesting import attest
from apps.reconciliation.services.books import Ask, Books, read_books
from apps.reconciliation.services.chain_side import Progress, Storage, read_storage
from apps.reconciliation.services.comparing import compare
from apps.reconciliation.services.concluding import Outcome, conclude
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


class ReconciliationEngine:
    """Holds books, final logs and the chain of a security against each other, at one block hash.

    The first of `nodes` is asked; every one is to confirm the cut-off, and where there are several two must. `progress`
    is told how many balances have been read.
    """

    def __init__(self, nodes: Sequence[Node], progress: Progress = lambda _: None) -> None:
        self._nodes, self._progress = nodes, progress

    def reconcile(self, *, isin: str, actor: Actor, now: datetime, order: RunOrder = RunOrder()) -> RunView:
        """Compare and record; the run with its breaks. `now` is when it starts.

        Three steps: one snapshot of our books at the block they stand at; the chain at that block, with no transaction
        open; one unit of work that records. A failed read makes the run INCOMPLETE, a cut-off block that is no longer
        canonical VOID: neither clears a break, and a VOID run is run once more. Raises UnknownSecurity,
        NothingToReconcile, and RunUnderWay: a security has one run at a time.
        """
        found = security(isin)
        _require_live(isin)
        with session_lock(Advisory.RECONCILING, isin) as free:
            if not free:
                raise RunUnderWay(isin=isin)
            row = self._run(found, actor, now, order)
            if row.status == RunStatus.VOID:
                # Overtaken by a reorganisation or a newer run: the next instant may stand.
                row = self._run(found, actor, max(now, clock.now()), order)
        if order.attest and row.status in CONCLUSIVE:
            self._attest(row)
        return run(row.pk)

    def look_back(self, *, isin: str, block: int, now: datetime, depth: RunDepth = RunDepth.FOLD) -> LookBack:
        """Compare as of an earlier final block, which the books have passed: what a run there would find.

        Writes nothing. The ledger is as of the block's own time. The node must still have the block's state. Raises
        UnknownSecurity, NothingToReconcile.
        """
        found = security(isin)
        _require_live(isin)
        books, storage, outcome = self._compare(found, now, Ask(depth, block=block))
        cut_off = cut_off_of(books, storage)
        return LookBack(isin, outcome.status, cut_off, outcome.problems, books.wallets, outcome.findings)

    def _run(self, found: SecurityView, actor: Actor, now: datetime, order: RunOrder) -> Run:
        last = last_concluded(found.isin)
        ask = Ask(order.depth, since=last if order.incremental else None, traced=last or BEGINNING)
        books, storage, outcome = self._compare(found, now, ask)
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

    def _compare(self, found: SecurityView, now: datetime, ask: Ask) -> tuple[Books, Storage, Outcome]:
        books = read_books(security=found, now=now, ask=ask)
        storage = read_storage(nodes=self._nodes, books=books, depth=ask.depth, progress=self._progress)
        return books, storage, conclude(books, storage, compare(books, storage))

    def _attest(self, row: Run) -> None:
        """Sign its positions. Where that is refused the run stands, and a person is told."""
        refused = ""
        try:
            attest(run_id=row.pk, node=self._nodes[0], now=clock.now())
        except DomainError as error:
            refused = error.message
            log.warning("not attested", extra={"isin": row.isin, "error": error.code})
        with unit_of_work():
            alert_of_attesting(row.isin, refused=refused, now=clock.now())


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
