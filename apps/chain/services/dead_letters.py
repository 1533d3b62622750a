"""Logs that did not decode: tried again with the codec of today, or dismissed by two people.

What is read late changes balances by events from its block on; projections that have gone past that block do not see
it: reconciliation tells.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.audit.services.trail import log_audit_event
from apps.chain import codec
from apps.chain.effects import Effect, effect_of
from apps.chain.errors import DeadLetterStep, StillUndecodable, UnknownDeadLetter
from apps.chain.models import DeadLetter, LateEffect, RawLog
from apps.chain.selectors.watched import watched_kinds
from apps.chain.services.holders import fold_late
from apps.chain.services.preparing import Kinds
from apps.chain.types import LetterEnd
from apps.core.actor import Actor
from apps.core.daemon import Leadership, hold_off
from apps.core.db import constraint_error, fetch_all, unit_of_work
from apps.core.errors import SamePerson

constraint_error("dead_letter_two_people", SamePerson)

ENGINE = "ingester"
BATCH = 1_000
LOGS = """
    SELECT d.id, l.id FROM chain_deadletter d
    JOIN chain_rawlog l ON l.block_id = d.block_id AND l.log_index = d.log_index
    WHERE d.id = ANY(%s)
"""


def decode_again(*, leadership: Leadership, now: datetime) -> int:
    """Resolve the open letters that a newer codec reads, with their effects; the number resolved. Raises Deposed."""
    kinds = watched_kinds()
    resolved, last = 0, 0
    while letters := list(_open().filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        with unit_of_work():
            leadership.fence()
            resolved += _read(list(_open().select_for_update(no_key=True).filter(pk__in=letters)), kinds, now)
        last = letters[-1]
    return resolved


def retry_letter(*, actor: Actor, letter_id: int, now: datetime) -> None:
    """Try one letter now. Raises RoleRequired, UnknownDeadLetter; StillUndecodable, and then nothing is changed."""
    actor.require_role("OPS")
    with unit_of_work():
        # The stream's leader commits nothing meanwhile: balances are folded by whoever is first.
        hold_off(ENGINE)
        letter = _lock(letter_id)
        if not _read([letter], watched_kinds(), now, by=actor.require_user()):
            raise StillUndecodable
        _tell(actor, "chain.dead_letter_decoded", letter)


def ask_dismissal(*, actor: Actor, letter_id: int, reason: str, now: datetime) -> None:
    """Ask a second person to dismiss a letter: its log changes no balance, and `reason` says how that was found.

    Raises RoleRequired, UnknownDeadLetter, DeadLetterStep if somebody asked.
    """
    actor.require_role("OPS")
    with unit_of_work():
        letter = _lock(letter_id)
        if letter.asked_by is not None:
            raise DeadLetterStep
        letter.asked_by, letter.asked_at, letter.asked_reason = actor.require_user(), now, reason
        letter.save(update_fields=["asked_by", "asked_at", "asked_reason"])
        _tell(actor, "chain.dead_letter_dismissal_asked", letter, after={"reason": reason})


def keep_letter(*, actor: Actor, letter_id: int) -> None:
    """Let it stay open, as if nobody had asked. Raises RoleRequired, UnknownDeadLetter, DeadLetterStep."""
    actor.require_role("OPS", "COMPLIANCE")
    with unit_of_work():
        letter = _lock(letter_id)
        if letter.asked_by is None:
            raise DeadLetterStep
        before = {"asked_by": str(letter.asked_by), "reason": letter.asked_reason}
        letter.asked_by, letter.asked_at, letter.asked_reason = None, None, ""
        letter.save(update_fields=["asked_by", "asked_at", "asked_reason"])
        _tell(actor, "chain.dead_letter_dismissal_rejected", letter, before=before)


def dismiss_letter(*, actor: Actor, letter_id: int, now: datetime) -> None:
    """Dismiss a letter as the second person: cut-offs wait for it no more, and no balance changes.

    Raises RoleRequired, UnknownDeadLetter, DeadLetterStep if nobody asked, SamePerson (by the database) for who did.
    """
    actor.require_role("OPS", "COMPLIANCE")
    with unit_of_work():
        letter = _lock(letter_id)
        if letter.asked_by is None:
            raise DeadLetterStep
        letter.resolved_at, letter.resolved_by, letter.end = now, actor.require_user(), LetterEnd.DISMISSED
        letter.save(update_fields=["resolved_at", "resolved_by", "end"])
        before = {"asked_by": str(letter.asked_by), "reason": letter.asked_reason}
        _tell(actor, "chain.dead_letter_dismissal_approved", letter, before=before)


def _open() -> QuerySet[DeadLetter]:
    return DeadLetter.objects.filter(resolved_at=None).order_by("pk")


def _lock(letter_id: int) -> DeadLetter:
    letter = _open().select_for_update(no_key=True).filter(pk=letter_id).first()
    if letter is None:
        raise UnknownDeadLetter
    return letter


def _read(letters: list[DeadLetter], kinds: Kinds, now: datetime, by: UUID | None = None) -> int:
    """Resolve those of the letters that decode today, and fold what they tell; their number."""
    readable: list[DeadLetter] = []
    effects: list[LateEffect] = []
    places = dict(fetch_all(LOGS, [[letter.pk for letter in letters]]))
    logs = RawLog.objects.in_bulk(places.values())
    for letter in letters:
        log = logs[places[letter.pk]]
        try:
            event = codec.decode(log.topics, log.data, kind=kinds.get(log.address))
        except codec.Undecodable:
            continue
        letter.resolved_at, letter.end, letter.resolved_by = now, LetterEnd.DECODED, by
        readable.append(letter)
        if (effect := effect_of(event)) is not None:
            effects.append(_late(log, effect))
    if readable:
        LateEffect.objects.bulk_create(effects)
        fold_late(logs=[effect.log_id for effect in effects])
        DeadLetter.objects.bulk_update(readable, ["resolved_at", "end", "resolved_by"])
    return len(readable)


def _late(log: RawLog, effect: Effect) -> LateEffect:
    facts = {"effect": effect.kind, "sender": effect.sender, "recipient": effect.recipient}
    return LateEffect(log=log, amount=effect.amount, **facts)


def _tell(
    actor: Actor,
    action: str,
    letter: DeadLetter,
    *,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    log_audit_event(
        actor=actor,
        action=action,
        resource_type="chain_dead_letter",
        resource_id=str(letter.pk),
        before=before,
        after=after,
    )
