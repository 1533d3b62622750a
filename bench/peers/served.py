"""The tutorial project, served."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg2

from bench.books import set_up
from bench.rows import CREATE
from bench.served import ROOT, served

SETTINGS = "bench.peers.drf.settings"
TOKEN = "7" * 40


@dataclass(frozen=True, slots=True)
class Peer:
    """Its address, and the header of its one user."""

    url: str
    credentials: dict[str, str]


@contextmanager
def bare_drf() -> Iterator[Peer]:
    """Migrated, with one user and their token, until the block ends."""
    set_up()
    from apps.core.testing.databases import created, urls_of

    with created("template1", f"bench_peer_{os.getpid()}") as name:
        # It migrates and runs as the owner: the two roles are the product's idea.
        environment = {"DATABASE_URL": urls_of(name)["DATABASE_OWNER_URL"]}
        command = [sys.executable, "-m", "django", "migrate", "--verbosity=0", "--settings", SETTINGS]
        subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)
        _fill(environment["DATABASE_URL"])
        with served(SETTINGS, environment) as url:
            yield Peer(url, {"Authorization": f"Token {TOKEN}"})


def _fill(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(CREATE)
        cursor.execute(
            """INSERT INTO auth_user (username, password, is_active, is_staff, is_superuser, first_name, last_name,
                                      email, date_joined)
               VALUES ('peer', '!', true, false, false, '', '', '', now()) RETURNING id"""
        )
        row = cursor.fetchone()
        cursor.execute("INSERT INTO authtoken_token (key, user_id, created) VALUES (%s, %s, now())", [TOKEN, row[0]])
