"""Business refusals of this room."""

from apps.core.errors import Conflict, NotFound


class NothingToReconcile(Conflict):
    """The security has no live token: there is nothing on the chain to compare with."""

    code, message = "nothing_to_reconcile", "This security has no live token yet: there is nothing to reconcile."


class UnknownRun(NotFound):
    """No such reconciliation."""

    code, message = "unknown_run", "There is no such reconciliation run."
