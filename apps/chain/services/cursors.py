"""The stream's cursor: moved by compare-and-set, in the commit of what it covers."""

import logging
from datetime import datetime

from apps.audit.services.trail import log_audit_event
from apps.chain.errors import CursorMoved
from apps.chain.models import StreamCursor
from apps.core.actor import Actor, system_actor
from apps.core.db import run_sql, within_unit_of_work

log = logging.getLogger(__name__)

HERE = "WHERE name = %s AND number = %s AND hash = %s AND halted = ''"


@within_unit_of_work
def move_cursor(cursor: StreamCursor, *, number: int, hash_: str, now: datetime) -> None:
    """Move the stored cursor. Raises CursorMoved if it is not where `cursor` was read, or halted."""
    _set(cursor, "number = %s, hash = %s, moved_at = %s", [number, hash_, now])
    cursor.number, cursor.hash = number, hash_


@within_unit_of_work
def hold_cursor(cursor: StreamCursor, *, first_number: int | None = None) -> None:
    """Keep the stored cursor where it is until commit (and lower its first block). Raises CursorMoved."""
    first = cursor.first_number if first_number is None else first_number
    _set(cursor, "first_number = %s", [first])
    cursor.first_number = first


@within_unit_of_work
def halt(cursor: StreamCursor, *, reason: str) -> None:
    """Stop the stream until `resume`. Raises CursorMoved."""
    _set(cursor, "halted = %s", [reason])
    _record(system_actor(), "chain.stream_halted", cursor.name, {"reason": reason, "block_number": cursor.number})
    log.error("chain stream halted", extra={"reason": reason, "number": cursor.number})


@within_unit_of_work
def resume(*, actor: Actor, name: str, reason: str) -> None:
    """Let a halted stream go on, after a person found out why it halted. Changes nothing if it is not halted.

    Raises RoleRequired.
    """
    actor.require_role("OPS", "SYSTEM")
    if StreamCursor.objects.filter(name=name).exclude(halted="").update(halted=""):
        _record(actor, "chain.stream_resumed", name, {"reason": reason})
        log.warning("chain stream resumed", extra={"stream": name})


def _record(actor: Actor, action: str, name: str, after: dict[str, object]) -> None:
    log_audit_event(actor=actor, action=action, resource_type="chain_stream", resource_id=name, after=after)


def _set(cursor: StreamCursor, changes: str, values: list[object]) -> None:
    place = [cursor.name, cursor.number, cursor.hash]
    if not run_sql(f"UPDATE chain_streamcursor SET {changes} {HERE}", [*values, *place]):  # noqa: S608 (our own words)
        raise CursorMoved
