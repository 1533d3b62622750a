"""The four addresses the project needs, from the environment or from our own servers."""

import os
from dataclasses import dataclass, fields

from apps.core.devstack.errors import DevstackError


@dataclass(frozen=True)
class Urls:
    """Where the servers are; None for a server that was not asked for.

    DATABASE_URL logs in as the application's role, DATABASE_OWNER_URL as the owner that migrates.
    """

    DATABASE_URL: str | None = None
    DATABASE_OWNER_URL: str | None = None
    REDIS_URL: str | None = None
    CHAIN_RPC_URL: str | None = None

    def as_env(self) -> dict[str, str]:
        """Return the known addresses as environment variables."""
        return {name: value for name in NAMES if (value := getattr(self, name))}


NAMES = tuple(field.name for field in fields(Urls))


def from_environment() -> dict[str, str]:
    """Return the addresses the environment names.

    Raises DevstackError if it names only one of the two database roles.
    """
    named = {name: os.environ[name] for name in NAMES if os.environ.get(name)}
    if ("DATABASE_URL" in named) != ("DATABASE_OWNER_URL" in named):
        raise DevstackError(
            "DATABASE_URL and DATABASE_OWNER_URL go together (application's role and owner's role): "
            "set both, or neither to use the embedded PostgreSQL"
        )
    return named
