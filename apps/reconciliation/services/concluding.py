"""How a run ends: the less is known, the less is said."""

from dataclasses import dataclass

from apps.reconciliation.services.books import Books
from apps.reconciliation.services.chain_side import Storage
from apps.reconciliation.services.comparing import Comparison
from apps.reconciliation.types import Finding, RunStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as it ended, before it is written. A VOID one has no findings."""

    status: RunStatus
    problems: tuple[str, ...]
    findings: tuple[Finding, ...]
    unknown_reads: int


def conclude(books: Books, storage: Storage, found: Comparison) -> Outcome:
    """VOID before INCOMPLETE before BREAKS before CLEAN."""
    witnesses = storage.witnesses
    if witnesses.orphaned:
        return Outcome(RunStatus.VOID, witnesses.problems, (), 0)
    problems = (*books.problems, *storage.problems, *witnesses.problems, *found.unknown)
    if not problems and not witnesses.endpoints:
        problems = ("No node confirmed the cut-off block.",)
    if problems:
        return Outcome(RunStatus.INCOMPLETE, problems, found.findings, len(found.unknown))
    return Outcome(RunStatus.BREAKS if found.findings else RunStatus.CLEAN, (), found.findings, 0)


def void(why: str) -> Outcome:
    """Nothing is said: the cut-off does not stand."""
    return Outcome(RunStatus.VOID, (why,), (), 0)
