"""Business refusals of this room."""

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class NothingToReconcile(Conflict):
    """The security has no live token: there is nothing on the chain to compare with."""

    code, message = "nothing_to_reconcile", "This security has no live token yet: there is nothing to reconcile."


class RunUnderWay(Conflict):
    """Another run of the same security has not ended."""

    code, message = "run_under_way", "This security is being reconciled: look for the result among its runs."


class UnknownRun(NotFound):
    """No such reconciliation."""

    code, message = "unknown_run", "There is no such reconciliation run."


class UnknownBreak(NotFound):
    """No such break."""

    code, message = "unknown_break", "There is no such break."


class UnknownResolution(NotFound):
    """No such resolution."""

    code, message = "unknown_resolution", "There is no such resolution."


class BreakClosed(Conflict):
    """The break is resolved, or a run no longer finds it. `context["state"]` says which."""

    code, message = "break_closed", "This break is not open."


class ResolutionOpen(Conflict):
    """A proposal waits for a decision: one at a time."""

    code, message = "resolution_open", "A resolution of this break waits for a second person already."


class ResolutionDecided(Conflict):
    """The resolution was approved or rejected before, or its break was cleared. `context["state"]` says which."""

    code, message = "resolution_decided", "This resolution has been decided."


class BreakChanged(Conflict):
    """A run has seen the break otherwise since: what would be approved is not what was proposed."""

    code = "break_changed"
    message = "A run has seen this break otherwise since it was proposed: reject the proposal and propose anew."


class NoRemedy(DomainError):
    """No entry of the ledger mends the break: nothing can be posted."""

    code, kind = "break_without_remedy", Kind.UNPROCESSABLE
    message = "No ledger entry mends this break: its cause has to be mended where it lies."


class NotAcceptable(DomainError):
    """Units of the books differ: the break is closed by an entry, or by mending its cause, never by accepting it."""

    code, kind = "break_not_acceptable", Kind.UNPROCESSABLE
    message = "Amounts of the books differ in this break: it cannot be accepted as it is found."


class NotAnOfficer(InvalidValue):
    """Breaks are owned by active members of the platform's staff."""

    code, message = "owner_not_officer", "The owner must be an active user with the role OPS or COMPLIANCE."


class NotAttestable(Conflict):
    """A run without a conclusion says nothing that could be signed."""

    code, message = "not_attestable", "This run came to no conclusion: only CLEAN and BREAKS are attested."


class ProofContradicts(Conflict):
    """The run was clean, and the token's storage, proven, holds something else than the books and the logs say."""

    code = "proof_contradicts_run"
    message = "The token's storage contradicts this run, which found no break: nothing was signed."


class UnknownAttestation(NotFound):
    """No such statement, or of a security that is not the caller's to see."""

    code, message = "unknown_attestation", "There is no such attestation."


class UnknownPosition(NotFound):
    """The wallet had nothing when the run was attested, or is not the caller's."""

    code, message = "unknown_position", "No attested run has a position of this wallet."
