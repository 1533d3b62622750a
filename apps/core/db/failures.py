"""Which errors of the database mean that it cannot be reached or will not do it now, not that we asked wrongly."""

from django.db import DatabaseError, InterfaceError, OperationalError

IDLE_IN_TRANSACTION = "25P03"


def is_unavailable(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later.

    The driver says OperationalError for a lost connection, a timeout, a deadlock; DatabaseError itself where a
    connection broke in the middle of an answer; InterfaceError for what is asked of a closed one.
    """
    if isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError:
        return True
    return isinstance(error, DatabaseError) and sqlstate(error) == IDLE_IN_TRANSACTION


def sqlstate(error: BaseException) -> str:
    """The server's code for the error; empty where no server said anything."""
    return getattr(error.__cause__, "pgcode", None) or ""
