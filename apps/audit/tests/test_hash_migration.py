"""The hashes of leaves move to a table of their own, and back, without one of them being made anew."""

import os
import subprocess
import sys
from pathlib import Path

from django.db import connections

from apps.audit.testing import sequence
from apps.audit.tests.test_sequencing import require_whole, write
from apps.core.db import fetch_all
from apps.core.testing.databases import urls_of

ROOT = Path(__file__).resolve().parents[3]
HASHES = "SELECT index, hash FROM {} ORDER BY index"


def migrate(database: str, target: str) -> None:
    connections.close_all()
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0", "audit", target]
    done = subprocess.run(command, env=os.environ | urls_of(database), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def as_owner(statement: str) -> list[tuple[object, ...]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)
        found = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()]
    connections["owner"].close()
    return found


class TestTheMigration:
    def test_moves_hashes_there_and_back(self, books: str) -> None:
        write(5)
        sequence()
        hashes = as_owner(HASHES.format("audit_leaf_hash"))
        late = write(2, "late")
        assert fetch_all("SELECT audit_number_events(10)") == [(2,)]
        migrate(books, "0019")
        assert as_owner(HASHES.format("audit_leaf")) == hashes
        migrate(books, "0020")
        assert as_owner(HASHES.format("audit_leaf_hash")) == hashes
        sequence()
        assert require_whole()[-2:] == late
