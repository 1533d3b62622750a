"""The database refuses; this translates. A constraint's name maps to one business error."""

from django.db import IntegrityError

from apps.core.errors import DomainError

_errors: dict[str, type[DomainError]] = {}


def constraint_error(constraint_name: str, error: type[DomainError]) -> None:
    """Have violations of `constraint_name` surface from a unit of work as `error`."""
    _errors[constraint_name] = error


def violated_constraint(violation: IntegrityError) -> str | None:
    """The name of the constraint that refused, if the driver tells it."""
    diagnostics = getattr(violation.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None)


def translated(violation: IntegrityError) -> DomainError | None:
    """The business error this violation means, or None if nobody claimed the constraint."""
    error = _errors.get(violated_constraint(violation) or "")
    return error() if error else None
