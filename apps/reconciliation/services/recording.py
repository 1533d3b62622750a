"""What a run found, written down in one unit of work: cut-off, run, breaks and their events, audit row, event."""

from dataclasses import asdict, replace
from datetime import datetime

from django.conf import settings

from apps.audit.services.trail import log_audit_event
from apps.chain.selectors.blocks import blocks_by_hash
from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import Advisory, lock_for_transaction, within_unit_of_work
from apps.reconciliation.models import CutOff, Run
from apps.reconciliation.services.alerting import alert_of, alert_of_nodes
from apps.reconciliation.services.books import Books
from apps.reconciliation.services.chain_side import Storage
from apps.reconciliation.services.concluding import Outcome, void
from apps.reconciliation.services.reaching import reach_of
from apps.reconciliation.services.sightings import Sighting, clear, overtaken, sight, write_sightings
from apps.reconciliation.types import BREAKS_FOUND, CutOffView, RunDepth, RunStatus

DECIDED = (RunStatus.CLEAN, RunStatus.BREAKS)


@within_unit_of_work
def record(
    *,
    books: Books,
    storage: Storage,
    outcome: Outcome,
    depth: RunDepth,
    actor: Actor,
    started_at: datetime,
    finished_at: datetime,
) -> Run:
    """Write the run. Runs of one security are written one after another, and never against a newer one.

    Breaks that are not found are cleared as far as the run looked. What is found as it was accepted is no break of the
    run, which is CLEAN if there is nothing else.
    """
    lock_for_transaction(Advisory.RECONCILIATION, books.isin)
    outcome = _still_standing(books, outcome)
    sightings = sight(outcome.findings)
    if overtaken(sightings, started_at=started_at, ledger_sequence=books.ledger_sequence):
        outcome, sightings = void("A break was resolved while this run read books and chain."), []
    said = storage.witnesses
    alert_of_nodes(books.isin, disagree=said.disagree, agree=bool(said.endpoints), now=finished_at)
    run = _write_run(books, storage, _counted(outcome, sightings), depth, actor, started_at, finished_at)
    new = 0
    if run.status != RunStatus.VOID:
        new = write_sightings(run, sightings)
        if run.status in DECIDED:
            clear(run, [finding.identity for finding in outcome.findings], reach_of(books, depth))
        alert_of(run, now=finished_at)
    _tell(run, actor, new)
    return run


def _counted(outcome: Outcome, sightings: list[Sighting]) -> Outcome:
    """The outcome without what is as it was accepted."""
    left = tuple(each.finding for each in sightings if not each.accepted)
    clean = outcome.status == RunStatus.BREAKS and not left
    return replace(outcome, status=RunStatus.CLEAN if clean else outcome.status, findings=left)


def _still_standing(books: Books, outcome: Outcome) -> Outcome:
    """The outcome, or VOID if its cut-off was overtaken while the chain was read."""
    block = books.cut_off
    if block is None:
        return outcome
    if not blocks_by_hash([block.hash])[block.hash].canonical:
        return void(f"Block {block.number} is no longer canonical.")
    newer = Run.objects.filter(isin=books.isin, status__in=DECIDED, cut_off__block_number__gt=block.number)
    return void("A run at a later block has ended before this one.") if newer.exists() else outcome


def _write_run(
    books: Books,
    storage: Storage,
    outcome: Outcome,
    depth: RunDepth,
    actor: Actor,
    started_at: datetime,
    finished_at: datetime,
) -> Run:
    return Run.objects.create(
        isin=books.isin,
        cut_off=_write_cut_off(books, storage),
        depth=depth,
        whole=books.looked_at is None,
        status=outcome.status,
        problems=list(outcome.problems),
        wallets=books.wallets,
        unknown_reads=outcome.unknown_reads,
        in_flight=books.in_flight,
        breaks_found=len(outcome.findings),
        user_id=actor.user_id,
        started_at=started_at,
        finished_at=finished_at,
    )


def _write_cut_off(books: Books, storage: Storage) -> CutOff | None:
    cut = cut_off_of(books, storage)
    return CutOff.objects.create(**asdict(cut)) if cut else None


def cut_off_of(books: Books, storage: Storage) -> CutOffView | None:
    """The block and the instant of the books at which a run compared, and who confirmed it."""
    block = books.cut_off
    if block is None:
        return None
    return CutOffView(
        chain_id=settings.CHAIN_ID,
        block_number=block.number,
        block_hash=block.hash,
        block_time=block.timestamp,
        state_root=block.state_root,
        ledger_sequence=books.ledger_sequence,
        endpoints=storage.witnesses.endpoints,
    )


def _tell(run: Run, actor: Actor, new: int) -> None:
    """The audit row of every run, and the event of one that found something."""
    log_audit_event(
        actor=actor,
        action="reconciliation.run_finished",
        resource_type="reconciliation_run",
        resource_id=run.pk,
        after={"isin": run.isin, "status": str(run.status), "breaks": run.breaks_found},
    )
    if run.breaks_found:
        payload = {"run_id": str(run.pk), "isin": run.isin, "breaks": run.breaks_found, "new": new}
        outbox.publish(topic=BREAKS_FOUND, key=str(run.pk), payload=payload)
