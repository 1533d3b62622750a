"""Reading who may act, and for whom."""

from contextlib import suppress
from uuid import UUID

from apps.accounts.models import Membership, User
from apps.accounts.selectors.parties import party
from apps.accounts.types import ERASED, ProfileView
from apps.core.actor import Actor
from apps.core.db import Columns, fetch_all
from apps.core.errors import RoleRequired
from apps.vault.errors import KeyUnavailable, SubjectErased, Unreadable

USER = Columns(User, "u")
# Asked on every request.
MEMBERS = f"""
SELECT m.party_id, m.role, {USER}
FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id
WHERE m.user_id = %s AND u.is_active ORDER BY m.created_at, m.id
"""  # noqa: S608 (our own columns)


def acting_member(user_id: UUID) -> tuple[User, Actor] | None:
    """An active user and the actor they are now, in one query; None if disabled, unknown or a member of nothing.

    A user acts for one party, that of the oldest membership, with the roles held there: a role at one party
    never acts on another's things.
    """
    rows = fetch_all(MEMBERS, [user_id])
    if not rows:
        return None
    user, party_id = USER.read(rows[0], 2), rows[0][0]
    roles = frozenset(role for of, role, *_ in rows if of == party_id)
    return user, Actor(user_id=user_id, party_id=party_id, roles=roles, rate_tier=user.rate_tier)


def actor_of_user(user_id: UUID) -> Actor | None:
    """The actor an active user is now, or None."""
    found = acting_member(user_id)
    return found[1] if found else None


def profile_of(actor: Actor) -> ProfileView:
    """The actor's user, party and roles. Raises RoleRequired for an actor that is no user."""
    if actor.user_id is None or actor.party_id is None:
        raise RoleRequired
    user = User.objects.get(pk=actor.user_id)
    return ProfileView(user.pk, username_of(user), party(actor.party_id), sorted(actor.roles))


def username_of(user: User) -> str:
    """The login name, or what stands in its place once the user's data has been erased. Raises KeyUnavailable."""
    try:
        return user.username
    except SubjectErased:
        return ERASED


def usernames(user_ids: set[UUID]) -> dict[UUID, str]:
    """The login names of those users who exist and whose name can be read now, in one query."""
    names = {}
    for user in User.objects.filter(pk__in=user_ids).only("username"):
        with suppress(KeyUnavailable, Unreadable):
            names[user.pk] = username_of(user)
    return names


def users_of_parties(party_ids: set[UUID]) -> dict[UUID, list[UUID]]:
    """The active users who act for each of these parties."""
    found: dict[UUID, list[UUID]] = {}
    members = Membership.objects.filter(party_id__in=party_ids, user__is_active=True).order_by("id")
    for party_id, user_id in members.values_list("party_id", "user_id"):
        users = found.setdefault(party_id, [])
        if user_id not in users:
            users.append(user_id)
    return found
