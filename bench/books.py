"""Migrated databases on the durable bench servers, for benchmarks that write books."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_numbers = count(1)


def set_up() -> None:
    """Start the bench servers and set Django up, as it runs in production."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.environment import missing_servers, start_embedded_servers

    if missing_servers():
        start_embedded_servers()
    import django

    django.setup()
    from django.conf import settings

    settings.DEBUG = False  # where it is on, Django keeps the text of every statement: nobody runs money like that


@contextmanager
def fresh_books() -> Iterator[None]:
    """A clone of the migrated template, in force until the block ends: no sample sees another's rows."""
    from apps.core.testing import databases

    with databases.cloned(databases.ensure_template(), f"bench_{os.getpid()}_{next(_numbers)}"):
        yield
