"""Writing the trail."""

from collections.abc import Callable, Mapping
from functools import wraps
from operator import attrgetter
from typing import Any, ParamSpec, TypeVar, cast

from apps.audit.models import AuditLog
from apps.audit.services.commitments import commit
from apps.audit.types import RecordClass
from apps.core import request_id
from apps.core.actor import Actor
from apps.core.db import unit_of_work, within_unit_of_work
from apps.vault.errors import SubjectErased
from apps.vault.fields import seal_now

P = ParamSpec("P")
R = TypeVar("R")
Changes = Mapping[str, Any]


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
    encrypted beside the row, which is committed to them. Until the transaction ends, others who write about the same
    resource wait. Raises TypeError for a float, ValueError for text that cannot be written down, KeyUnavailable.
    """
    row = AuditLog(
        user_id=actor.user_id,
        party_id=actor.party_id,
        session_id=actor.session_id,
        request_id=actor.request_id or request_id.current(),
        action=action,
        resource_type=resource_type,
        resource_id=str(resource_id),
        before=before,
        after=after,
        record_class=RecordClass(record_class),
    )
    _protect(row, actor)
    row.save(force_insert=True)
    return row.pk


def _protect(row: AuditLog, actor: Actor) -> None:
    """Seal what is personal of the actor, and commit the row to it."""
    personal = {"ip": actor.ip_address, "user_agent": actor.user_agent}
    values = {name: value for name, value in personal.items() if value}
    row.committed, salts = commit(values)
    if not values:
        row.seal_id = None
        return
    row.ip, row.user_agent, row.salts = values.get("ip"), values.get("user_agent"), salts
    try:
        seal_now(row)
    except SubjectErased:
        # Somebody tries to log in as a person who has been forgotten: nothing new is kept of them.
        row.ip = row.user_agent = row.salts = row.seal_id = None
        row.committed = {}


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
