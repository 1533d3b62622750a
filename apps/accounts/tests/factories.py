"""Parties, users and actors for tests."""

from functools import cache
from itertools import count

from django.contrib.auth.hashers import make_password

from apps.accounts.models import Membership, Party, User
from apps.accounts.types import PartyKind, Role
from apps.core import clock
from apps.core.actor import Actor

PASSWORD = "correct horse battery staple"
_numbers = count(1)


def make_party(*, kind: str = PartyKind.NATURAL, country: str = "US", legal_name: str = "") -> Party:
    """A party, with a name nobody bears."""
    name = legal_name or f"Example Party {next(_numbers)}"
    return Party.objects.create(kind=kind, legal_name=name, country=country, created_at=clock.now())


@cache
def _hashed_password() -> str:
    """One argon2 hash a run, however many users."""
    return make_password(PASSWORD)


def make_user(*, party: Party | None = None, role: str = Role.INVESTOR, username: str = "") -> User:
    """A user with one membership; the password is PASSWORD."""
    now = clock.now()
    staff = role in {Role.COMPLIANCE, Role.OPS}
    user = User.objects.create(
        username=username or f"user-{next(_numbers)}", password=_hashed_password(), is_staff=staff, created_at=now
    )
    Membership.objects.create(user=user, party=party or make_party(), role=role, created_at=now)
    return user


def actor_of(user: User) -> Actor:
    """The actor this user's token would give."""
    memberships = list(user.memberships.all())
    return Actor(
        user_id=user.id,
        party_id=memberships[0].party_id,
        roles=frozenset(m.role for m in memberships),
        request_id="test",
    )


def make_actor(*, role: str = Role.INVESTOR, party: Party | None = None) -> Actor:
    """A new user's actor."""
    return actor_of(make_user(role=role, party=party))
