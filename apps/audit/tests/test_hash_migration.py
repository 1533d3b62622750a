"""The hashes of leaves move to a table of their own, and back, without one of them being made anew."""

import pytest
from django.db import connections

from apps.audit.testing import sequence
from apps.audit.tests.test_sequencing import require_whole, write
from apps.core.db import fetch_all
from apps.core.testing.databases import migrate

HASHES = "SELECT index, hash FROM {} ORDER BY index"


def as_owner(statement: str) -> list[tuple[object, ...]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)
        found = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()]
    connections["owner"].close()
    return found


@pytest.mark.soak
class TestTheMigration:
    def test_moves_hashes_there_and_back(self, books: str) -> None:
        write(5)
        sequence()
        hashes = as_owner(HASHES.format("audit_leaf_hash"))
        late = write(2, "late")
        assert fetch_all("SELECT audit_number_events(10)") == [(2,)]
        connections.close_all()
        migrate(books, "audit", "0019")
        assert as_owner(HASHES.format("audit_leaf")) == hashes
        migrate(books, "audit", "0020")
        assert as_owner(HASHES.format("audit_leaf_hash")) == hashes
        sequence()
        assert require_whole()[-2:] == late
