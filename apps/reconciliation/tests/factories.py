"""Runs with findings written by hand, for tests of what becomes of breaks. Each writes in a unit of work of its own."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from apps.chain.models import Block
from apps.chain.selectors.blocks import view
from apps.chain.types import Finality
from apps.core import clock
from apps.core.actor import Actor, system_actor
from apps.core.db import unit_of_work
from apps.ledger.services.assets import register_asset
from apps.ledger.types import AccountKind
from apps.reconciliation.models import Break, Run
from apps.reconciliation.services.books import Books
from apps.reconciliation.services.chain_side import Storage, Witnesses
from apps.reconciliation.services.concluding import Outcome
from apps.reconciliation.services.recording import record
from apps.reconciliation.services.resolutions import approve_resolution, propose_resolution
from apps.reconciliation.types import BreakKind, Finding, Remedy, ResolutionKind, RunDepth, RunStatus
from apps.securities.tests.factories import make_isin

NO_SEQUENCE = 2**62  # a run that has seen every transfer there is
_numbers = count(1)


def make_wallet() -> str:
    """An address nobody used before, distinct from those of the ledger's tests."""
    return f"0xbeef{next(_numbers):036x}"


def make_asset() -> str:
    """A security of whole units that the ledger knows."""
    isin = make_isin()
    with unit_of_work():
        register_asset(isin, 0)
    return isin


def missing(isin: str, wallet: str, units: int = 25, **other: Any) -> Finding:
    """Units on the chain that the books do not have, with the entry that would bring them in."""
    found = Finding(
        kind=BreakKind.MISSING_IN_BOOKS,
        identity=f"{isin}:position:{wallet}",
        message=f"{units} units are on the chain and not in the books.",
        asset=isin,
        decimals=0,
        wallet_address=wallet,
        books=0,
        events=units,
        chain=units,
        remedy=Remedy(
            debit=(AccountKind.ISSUANCE.value, None), credit=(AccountKind.POSITION.value, wallet), amount=units
        ),
    )
    return replace(found, **other)


def state_finding(isin: str, **other: Any) -> Finding:
    """A token that is paused, which our books say it is not: nothing to post."""
    found = Finding(
        kind=BreakKind.PAUSE_STATE,
        identity=f"{isin}:paused",
        message="The token is paused on the chain and not here.",
        asset=isin,
        decimals=0,
        details={"chain": True},
    )
    return replace(found, **other)


def make_run(
    isin: str,
    *findings: Finding,
    started_at: datetime | None = None,
    incomplete: bool = False,
    looked_at: frozenset[str] | None = None,
    depth: RunDepth = RunDepth.FULL,
    sequence: int = NO_SEQUENCE,
    actor: Actor | None = None,
) -> Run:
    """A run that found this, at a block of its own."""
    began = started_at or clock.now()
    status = RunStatus.BREAKS if findings else RunStatus.CLEAN
    problems = ("The node did not answer.",) if incomplete else ()
    outcome = Outcome(RunStatus.INCOMPLETE if incomplete else status, problems, findings, int(incomplete))
    with unit_of_work():
        return record(
            books=Books(isin=isin, cut_off=view(make_block()), ledger_sequence=sequence, looked_at=looked_at),
            storage=Storage(witnesses=Witnesses(("CHAIN_RPC_URL",))),
            outcome=outcome,
            depth=depth,
            actor=actor or system_actor(),
            started_at=began,
            finished_at=max(began, clock.now()) + timedelta(milliseconds=1),
        )


def make_block() -> Block:
    """A final block on top of the others made here."""
    number = next(_numbers)
    hashes = {name: f"0x{number:060x}{place}" for place, name in enumerate(HASHES, start=1000)}
    return Block.objects.create(
        number=number, timestamp=clock.now(), logs_bloom=b"", finality=Finality.FINAL, final_by="TAG", **hashes
    )


HASHES = ("hash", "parent_hash", "state_root", "receipts_root")


def make_break(found: Finding, **run: Any) -> Break:
    """A break as the run that raised it left it."""
    make_run(found.identity[:12], found, **run)
    return Break.objects.get(identity=found.identity)


def propose(row: Break, actor: Actor, kind: ResolutionKind = ResolutionKind.POST) -> UUID:
    """What `actor` proposes; the resolution's id."""
    with unit_of_work():
        return propose_resolution(actor=actor, break_id=row.pk, kind=kind, reason="as seen", now=clock.now()).id


def approve(resolution_id: UUID, actor: Actor) -> None:
    """Carry out as the second person."""
    with unit_of_work():
        approve_resolution(actor=actor, resolution_id=resolution_id, now=clock.now())
