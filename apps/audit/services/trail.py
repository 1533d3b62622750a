"""Writing the trail."""

from collections.abc import Callable, Mapping
from functools import wraps
from operator import attrgetter
from typing import Any, ParamSpec, TypeVar, cast

from apps.audit.canonical import canonical_text
from apps.audit.services.origins import origin_of
from apps.audit.types import RecordClass
from apps.core import request_id
from apps.core.actor import Actor
from apps.core.db import fetch_one, unit_of_work, within_unit_of_work

P = ParamSpec("P")
R = TypeVar("R")
Changes = Mapping[str, Any]
# Said by hand: each write of the books pays for it.
INSERT = """
    INSERT INTO audit_auditlog (user_id, party_id, session_id, request_id, action, resource_type, resource_id,
        before, after, record_class, origin_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""


@within_unit_of_work
def log_audit_event(
    *,
    actor: Actor,
    action: str,
    resource_type: str,
    resource_id: object,
    before: Changes | None = None,
    after: Changes | None = None,
    record_class: RecordClass = RecordClass.AUDIT_TRAIL,
) -> int:
    """Append one row in the caller's transaction; its id. If it cannot be written, the fact is not either.

    `action` is `room.verb_in_past_tense` ("securities.security_created"). `before` and `after` hold ids, codes,
    dates and amounts (integers, Decimal or strings), never personal data. The actor's address and user agent are
    encrypted in its origin, which the event is committed to. Raises TypeError for a float, ValueError for names and
    text that cannot be written down, KeyUnavailable.
    """
    if not action or not resource_type or "/" in resource_type:
        raise ValueError(
            "an event of the audit log names what was done, and to what type of resource (without a slash)"
        )
    row = fetch_one(
        INSERT,
        [
            actor.user_id,
            actor.party_id,
            actor.session_id,
            actor.request_id or request_id.current(),
            action,
            resource_type,
            str(resource_id),
            _text(before),
            _text(after),
            RecordClass(record_class).value,
            origin_of(actor),
        ],
    )
    return int(cast("tuple[int]", row)[0])


def _text(changes: Changes | None) -> str | None:
    return None if changes is None else canonical_text(changes)


def audit_log(
    action: str,
    resource_type: str,
    *,
    resource_id: str = "id",
    after: Callable[[Any], Changes] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a keyword-only service that takes `actor` write its audit row in one unit of work with its effect.

    `resource_id` names the attribute of the service's result that identifies the resource; `after` turns that
    result into what the row records. A service that raises leaves no row. Where the state before matters,
    call log_audit_event() instead.
    """

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        @wraps(service)
        def audited(*args: P.args, **kwargs: P.kwargs) -> R:
            with unit_of_work():
                result = service(*args, **kwargs)
                log_audit_event(
                    actor=cast("Actor", kwargs["actor"]),
                    action=action,
                    resource_type=resource_type,
                    resource_id=attrgetter(resource_id)(result),
                    after=after(result) if after else None,
                )
            return result

        return audited

    return decorate
