"""Signers that may say anything, for tests of what becomes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.test.utils import override_settings

from apps.chain.types import SignerRole
from config.security.types.chain import ANYTHING, Power

MOST = Power(calls=(ANYTHING,), transactions=10**9, units=10**17, gwei=10**15)


@contextmanager
def powers(**of_roles: Any) -> Iterator[None]:
    """These roles, in lower case, have these powers (Power); the others what the policy says."""
    chain = settings.SECURITY.chain
    changed = replace(chain, powers=replace(chain.powers, **of_roles))
    with override_settings(SECURITY=replace(settings.SECURITY, chain=changed)):
        yield


@contextmanager
def anything() -> Iterator[None]:
    """All roles may say anything."""
    with powers(**{role.lower(): MOST for role in SignerRole.values}):
        yield
