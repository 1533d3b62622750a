"""Which errors of the database mean that it cannot be reached or will not do it now, not that we asked wrongly."""

from django.db import DatabaseError, InterfaceError, OperationalError

IDLE_IN_TRANSACTION = "25P03"
# Serialization failure, deadlock: the server has rolled back.
CONFLICTS = frozenset({"40001", "40P01"})
# "admin shutdown", "crash shutdown", "cannot connect now": what a server says as it restarts.
RESTARTS = frozenset({"57P01", "57P02", "57P03"})
CONNECTION_EXCEPTION = "08"


def is_unavailable(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later.

    The driver says OperationalError for a lost connection, a timeout, a deadlock; DatabaseError itself where a
    connection broke in the middle of an answer; InterfaceError for what is asked of a closed one.
    """
    if isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError:
        return True
    return isinstance(error, DatabaseError) and sqlstate(error) == IDLE_IN_TRANSACTION


def is_conflict(error: BaseException) -> bool:
    """Whether the server rolled back because of others' transactions, and the same may go well at once."""
    return isinstance(error, DatabaseError) and sqlstate(error) in CONFLICTS


def is_lost(error: BaseException) -> bool:
    """Whether there is no session (any more): class 08. The driver gives no code where no server said anything."""
    code = sqlstate(error)
    return is_unavailable(error) and (not code or code.startswith(CONNECTION_EXCEPTION) or code in RESTARTS)


def sqlstate(error: BaseException) -> str:
    """The server's code for the error; empty where no server said anything."""
    return getattr(error.__cause__, "pgcode", None) or ""
