"""config/security.yaml, read once at the start: the policy, or a list of all that is wrong with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.security.binding import Binder, Problem
from config.security.reading import Unreadable, read_tree
from config.security.types import Security
from config.security.types.records import KeyProvider


class SecurityFileError(ImproperlyConfigured):
    """The policy cannot be used. The text has one line a problem, and no secret."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        lines = [
            f"{name}:{each.line}: {each.key}: found {each.found}, expected {each.expected}" for each in self.problems
        ]
        super().__init__("\n".join(["the security policy cannot be used:", *lines]))


def load(file: Path, *, name: str, read_secret: Callable[[str], str], production: bool) -> Security:
    """The policy of `file`, called `name` in messages; `read_secret` gives the value of a variable, or nothing.

    Raises SecurityFileError, which lists every problem of the file.
    """
    try:
        tree = read_tree(file.read_bytes())
    except OSError as error:
        raise SecurityFileError(name, [Problem(1, "(file)", type(error).__name__, "a readable file")]) from None
    except Unreadable as error:
        raise SecurityFileError(name, [Problem(error.line, "(file)", error.found, error.expected)]) from None
    binder = Binder(read_secret, production)
    security = binder.bind(tree, Security, "")
    if production and isinstance(security, Security):
        binder.problems += _unfit_for_production(security, binder.line_of)
    if binder.problems:
        raise SecurityFileError(name, binder.problems)
    return security


def _unfit_for_production(security: Security, line_of: Callable[[str], int]) -> Iterator[Problem]:
    """A local key, no key of KMS or of the trail, and a service that is enabled while a secret of it is not set."""
    if security.encryption.provider is KeyProvider.LOCAL:
        yield Problem(line_of("encryption.provider"), "encryption.provider", "LOCAL in production", "KMS")
    kms_key = security.encryption.kms_key
    if not kms_key.is_set:
        yield Problem(line_of("encryption.kms_key"), "encryption.kms_key", f"{kms_key}, which is not set", "it set")
    signs = security.audit.signing.key
    if not (signs.is_set or security.audit.signing.kms_key.is_set):
        yield Problem(line_of("audit.signing.key"), "audit.signing.key", f"{signs}, which is not set", "it set")
    for by, service in security.enabled_services():
        key = f"providers.{service}.secrets"
        for secret in security.providers[service].secrets:
            if not secret.is_set:
                yield Problem(line_of(key), key, f"{secret}, which is not set", f"it set, or {by}: false")
