"""Adding users."""

from datetime import datetime
from uuid import UUID

from apps.accounts.errors import RoleNotForParty, UnknownParty, UnknownTier
from apps.accounts.models import Membership, Party, User
from apps.accounts.services.passwords import hash_new_password
from apps.accounts.types import STAFF_ROLES, USERNAME, Role, UserView
from apps.audit.services.trail import log_audit_event
from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import unit_of_work, within_unit_of_work
from apps.core.errors import InvalidValue
from apps.core.rate_limits import default_tier, tiers


def add_user(
    *,
    actor: Actor,
    username: str,
    password: str,
    party_id: UUID,
    role: str,
    rate_tier: str = "",
    now: datetime,
) -> UserView:
    """A new user in one role at a party; publishes `accounts.member_added`.

    `rate_tier` is one of the security policy, or "" for the one it gives everybody. Raises RoleRequired unless the
    actor is OPS, UnknownParty, RoleNotForParty, WeakPassword, UsernameTaken, UnknownTier.
    """
    actor.require_role(Role.OPS)
    if rate_tier and rate_tier not in tiers():
        raise UnknownTier(known=tiers())
    hashed = hash_new_password(password, username=username)
    with unit_of_work():
        party = Party.objects.filter(pk=party_id).first()
        if party is None:
            raise UnknownParty
        return create_member(
            actor=actor, username=username, hashed=hashed, party=party, role=role, rate_tier=rate_tier, now=now
        )


@within_unit_of_work
def create_member(
    *, actor: Actor, username: str, hashed: str, party: Party, role: str, rate_tier: str = "", now: datetime
) -> UserView:
    """The user, the membership, the audit row and the event, for callers that have decided who may.

    Raises InvalidValue for what is no username, RoleNotForParty where a staff role and the platform's party do not
    meet.
    """
    if not USERNAME.fullmatch(username):
        raise InvalidValue("A username has 3 to 64 of a-z, 0-9, dot, hyphen and underscore.", field="username")
    if (role in STAFF_ROLES) != party.is_platform:
        raise RoleNotForParty
    user = User.objects.create(
        username=username, password=hashed, is_staff=role in STAFF_ROLES, rate_tier=rate_tier, created_at=now
    )
    Membership.objects.create(user=user, party=party, role=role, created_at=now)
    ids = {"party_id": str(party.pk), "user_id": str(user.pk), "role": role}
    outbox.publish(topic="accounts.member_added", key=str(user.pk), payload=ids)
    told = ids | {"rate_tier": rate_tier}
    log_audit_event(actor=actor, action="accounts.user_added", resource_type="user", resource_id=user.pk, after=told)
    return UserView(user.pk, username, party.pk, role, rate_tier or default_tier(), now)
