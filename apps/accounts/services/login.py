"""Logging in with a password."""

from datetime import datetime
from uuid import UUID

from apps.accounts.errors import InvalidCredentials
from apps.accounts.models import User
from apps.accounts.selectors.members import actor_of_user
from apps.accounts.services.passwords import password_is_right
from apps.accounts.services.tokens import AccessToken, mint_access_token
from apps.audit.services.trail import log_audit_event
from apps.core.actor import Actor
from apps.core.db import after_rollback, unit_of_work


def log_in(
    *, username: str, password: str, ip_address: str | None, user_agent: str | None = None, now: datetime
) -> AccessToken:
    """An access token for the right password.

    Raises InvalidCredentials alike for an unknown username, a wrong password and a disabled user, after one
    argon2 hash in every case (OWASP ASVS 6.3.8), and records the refusal. Raises LoginsBusy under a burst.
    """
    user = User.objects.named(username).first()
    right = password_is_right(user, password)
    with unit_of_work():
        if not (user and right and actor_of_user(user.pk)):
            after_rollback(lambda: _record("accounts.login_refused", user, ip_address, user_agent))
            raise InvalidCredentials
        _record("accounts.logged_in", user, ip_address, user_agent)
        return mint_access_token(user_id=user.pk, now=now)


def record_session_login(*, user_id: UUID | None, ip_address: str | None, user_agent: str | None = None) -> None:
    """Write down a login to the admin site, which Django's session framework decides; without a user, a refusal."""
    user = User.objects.filter(pk=user_id).first() if user_id else None
    with unit_of_work():
        _record("accounts.session_opened" if user else "accounts.session_refused", user, ip_address, user_agent)


def _record(action: str, user: User | None, ip_address: str | None, user_agent: str | None) -> None:
    """The typed username is not kept: people type passwords into that field."""
    user_id = user.pk if user else None
    actor = Actor(user_id=user_id, party_id=None, ip_address=ip_address, user_agent=user_agent)
    log_audit_event(actor=actor, action=action, resource_type="user", resource_id=user_id or "unknown")
