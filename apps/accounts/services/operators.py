"""The first operators of an installation, made from its own shell: no API can."""

from datetime import datetime

from django.contrib.auth.hashers import check_password

from apps.accounts.models import Party, User
from apps.accounts.services.passwords import hash_new_password
from apps.accounts.services.users import create_member
from apps.accounts.types import PartyKind, Role
from apps.audit.services.trail import log_audit_event
from apps.core.actor import system_actor
from apps.core.db import Advisory, lock_for_transaction, unit_of_work, within_unit_of_work

PLATFORM_NAME = "Platform operator"
PLATFORM_COUNTRY = "US"


def ensure_staff_user(*, username: str, password: str, role: str = Role.OPS, now: datetime) -> bool:
    """Have a staff user of this name at the platform's party; true if one was made. An existing one is left alone.

    Raises WeakPassword, and UsernameTaken if the name belongs to someone who is not staff in that role.
    """
    hashed = hash_new_password(password, username=username)
    with unit_of_work():
        platform = _ensure_platform(now=now)
        existing = User.objects.named(username).filter(memberships__party=platform, memberships__role=role)
        if existing.exists():
            return False
        create_member(actor=system_actor(), username=username, hashed=hashed, party=platform, role=role, now=now)
        return True


def restore_password(*, username: str, password: str) -> bool:
    """Give a user this password where it is not theirs already; true if it was changed."""
    user = User.objects.named(username).get()
    if check_password(password, user.password):
        return False
    hashed = hash_new_password(password, username=username)
    with unit_of_work():
        User.objects.filter(pk=user.pk).update(password=hashed)
        log_audit_event(actor=system_actor(), action="accounts.password_set", resource_type="user", resource_id=user.pk)
    return True


@within_unit_of_work
def _ensure_platform(*, now: datetime) -> Party:
    lock_for_transaction(Advisory.PLATFORM_PARTY)
    found = Party.objects.filter(is_platform=True).first()
    return found or Party.objects.create(
        kind=PartyKind.LEGAL, legal_name=PLATFORM_NAME, country=PLATFORM_COUNTRY, is_platform=True, created_at=now
    )
