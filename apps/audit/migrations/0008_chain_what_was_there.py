"""Rows of before the log are put into their text and chained, in the order they were written."""

from typing import Any

from django.db import connections, migrations, transaction

from apps.audit.canonical import canonical_text
from apps.audit.migrations._hash_chains import CHAIN_ROWS

# Well under a second each.
CHUNK = 500
LIFT = "ALTER TABLE audit_auditlog DISABLE TRIGGER append_only_row"
RESTORE = "ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER append_only_row"
GUARDED = "SELECT 1 FROM pg_trigger WHERE tgrelid = 'audit_auditlog'::regclass AND tgname = 'append_only_row'"
NEXT = """
    SELECT id, before, after FROM audit_auditlog WHERE id > %s AND stream_seq = 0 ORDER BY id LIMIT %s
"""
REWRITE = "UPDATE audit_auditlog SET before = %s, after = %s WHERE id = %s"


def chain(apps: Any, schema_editor: Any) -> None:
    """A chunk a transaction, with the table's guard lifted in it alone."""
    alias, last = schema_editor.connection.alias, 0
    while last is not None:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(GUARDED)
            guarded = cursor.fetchone()
            cursor.execute(NEXT, [last, CHUNK])
            rows = cursor.fetchall()
            if guarded and rows:
                cursor.execute(LIFT)
            for pk, *texts in rows:
                cursor.execute(REWRITE, [*(None if text is None else canonical_text(text) for text in texts), pk])
            if rows:
                cursor.execute(CHAIN_ROWS.format(rows[0][0], rows[-1][0]))
            if guarded and rows:
                cursor.execute(RESTORE)
        last = rows[-1][0] if rows else None


def unchain(apps: Any, schema_editor: Any) -> None:
    """The columns go with the migration before this one."""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("audit", "0007_streams"),
    ]

    operations = [
        migrations.RunPython(chain, unchain, elidable=True),
    ]
