"""Passwords: the policy, and the few argon2 hashes this process computes at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from apps.accounts.errors import LoginsBusy, WeakPassword
from apps.accounts.models import User

# Each hash takes 19 MiB: a burst of logins must not take the process's memory.
MAX_CONCURRENT_HASHES = 4
WAIT_SECONDS = 5.0
_slots = BoundedSemaphore(MAX_CONCURRENT_HASHES)


def hash_new_password(password: str, *, username: str) -> str:
    """The argon2id hash of an acceptable password. Raises WeakPassword (settings.AUTH_PASSWORD_VALIDATORS)."""
    try:
        validate_password(password, user=User(username=username))
    except ValidationError as error:
        raise WeakPassword(reasons=error.messages) from error
    with _one_of_few():
        return make_password(password)


def password_is_right(user: User | None, password: str) -> bool:
    """Whether the password is the user's: one hash either way, so that time does not tell who exists."""
    with _one_of_few():
        if user is None:
            make_password(password)
            return False
        return check_password(password, user.password)


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise LoginsBusy
    try:
        yield
    finally:
        _slots.release()
