"""What a run found, written down in one unit of work: cut-off, run, breaks and their events, audit row, event."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings

from apps.audit.services.trail import log_audit_event
from apps.chain.selectors.blocks import blocks_by_hash
from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import Advisory, lock_for_transaction, within_unit_of_work
from apps.reconciliation.models import Break, BreakEvent, CutOff, Run
from apps.reconciliation.services.alerting import alert_of
from apps.reconciliation.services.books import Books
from apps.reconciliation.services.chain_side import Storage
from apps.reconciliation.services.concluding import Outcome, void
from apps.reconciliation.types import BREAKS_FOUND, BreakChange, BreakState, Finding, RunDepth, RunStatus

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
    """Write the run. Runs of one security are written one after another, and never against a newer one."""
    lock_for_transaction(Advisory.RECONCILIATION, books.isin)
    outcome = _still_standing(books, outcome)
    run = _write_run(books, storage, outcome, depth, actor, started_at, finished_at)
    if outcome.status != RunStatus.VOID:
        _write_breaks(run, outcome.findings)
        alert_of(run, now=finished_at)
    _tell(run, actor)
    return run


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
    block = books.cut_off
    if block is None:
        return None
    return CutOff.objects.create(
        chain_id=settings.CHAIN_ID,
        block_number=block.number,
        block_hash=block.hash,
        block_time=block.timestamp,
        state_root=block.state_root,
        ledger_sequence=books.ledger_sequence,
        endpoints=list(storage.witnesses.endpoints),
    )


def _write_breaks(run: Run, findings: Sequence[Finding]) -> None:
    """Raise, confirm, reopen; and clear what a run that knew everything no longer found."""
    known = {row.identity: row for row in Break.objects.select_for_update().filter(isin=run.isin)}
    fresh = [_raised(run, finding) for finding in findings if finding.identity not in known]
    Break.objects.bulk_create(fresh)
    events = [_event(run, row, BreakChange.RAISED, f) for row, f in zip(fresh, _not_in(known, findings), strict=True)]
    for finding in findings:
        if row := known.get(finding.identity):
            change = BreakChange.SEEN if row.state == BreakState.OPEN else BreakChange.REOPENED
            events.append(_event(run, row, change, finding))
            row.kind, row.state, row.cleared_at = finding.kind, BreakState.OPEN, None
            # A run of a host whose clock is ahead, or one that ended later, may have been written before this one.
            row.last_seen_at = max(row.last_seen_at, run.finished_at)
    if run.status in DECIDED:
        events += _clear(run, set(known) - {finding.identity for finding in findings}, known)
    Break.objects.bulk_update(known.values(), ["kind", "state", "last_seen_at", "cleared_at"])
    BreakEvent.objects.bulk_create(events)


def _not_in(known: dict[str, Break], findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.identity not in known]


def _raised(run: Run, finding: Finding) -> Break:
    return Break(
        identity=finding.identity,
        isin=run.isin,
        kind=finding.kind,
        wallet_address=finding.wallet_address,
        first_run=run,
        first_seen_at=run.finished_at,
        last_seen_at=run.finished_at,
    )


def _event(run: Run, row: Break, change: BreakChange, finding: Finding) -> BreakEvent:
    return BreakEvent(
        found=row,
        run=run,
        change=change,
        kind=finding.kind,
        asset=finding.asset,
        decimals=finding.decimals,
        books_amount=finding.books,
        events_amount=finding.events,
        chain_amount=finding.chain,
        tx_hash=finding.tx_hash,
        message=finding.message,
        details=finding.details,
    )


def _clear(run: Run, gone: set[str], known: dict[str, Break]) -> list[BreakEvent]:
    events = []
    for row in (known[identity] for identity in sorted(gone) if known[identity].state == BreakState.OPEN):
        row.state, row.cleared_at = BreakState.CLEARED, run.finished_at
        last = row.events.order_by("-pk").first()
        if last is None:
            raise RuntimeError("a break has the event that raised it")
        events.append(
            BreakEvent(
                found=row,
                run=run,
                change=BreakChange.CLEARED,
                kind=row.kind,
                asset=last.asset,
                decimals=last.decimals,
                message="No longer found.",
            )
        )
    return events


def _tell(run: Run, actor: Actor) -> None:
    """The audit row of every run, and the event of one that found something."""
    log_audit_event(
        actor=actor,
        action="reconciliation.run_finished",
        resource_type="reconciliation_run",
        resource_id=run.pk,
        after={"isin": run.isin, "status": str(run.status), "breaks": run.breaks_found},
    )
    if run.breaks_found:
        raised = BreakEvent.objects.filter(run=run, change__in=[BreakChange.RAISED, BreakChange.REOPENED]).count()
        payload = {"run_id": str(run.pk), "isin": run.isin, "breaks": run.breaks_found, "new": raised}
        outbox.publish(topic=BREAKS_FOUND, key=str(run.pk), payload=payload)
