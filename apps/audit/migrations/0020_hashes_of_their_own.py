"""Numbering and hashing work side by side: the hashes of leaves move to a table of their own."""

from django.db import migrations, models
from django.db.models import Q, Value
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from apps.audit.migrations import _hash_in_leaf as former
from apps.core.db.guards import lifted
from apps.audit.sequencing_sql import DROP_HASH_LEAVES, DROP_NUMBER_EVENTS, HASH_LEAVES, NUMBER_EVENTS
from apps.audit.sql import DROP_TEXT, TEXT

LENGTH = models.CheckConstraint(name="audit_leaf_hash_length", condition=Exact(Length("hash"), Value(32)))
MOVE = "INSERT INTO audit_leaf_hash (index, hash) SELECT index, hash FROM audit_leaf ORDER BY index"
# Leaves that are not hashed yet are numbered anew.
MOVE_BACK = f"""
ALTER TABLE audit_leaf ADD COLUMN hash bytea;
{
    lifted(
        "audit_leaf",
        '''UPDATE audit_leaf l SET hash = h.hash FROM audit_leaf_hash h WHERE h.index = l.index;
    DELETE FROM audit_leaf WHERE hash IS NULL''',
    )
};
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE audit_leaf ALTER COLUMN hash SET NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0019_bounds"),
    ]

    operations = [
        migrations.RunSQL(former.DROP_NUMBER_EVENTS, former.NUMBER_EVENTS),
        migrations.RunSQL(former.DROP_TEXT, former.TEXT),
        migrations.RemoveConstraint("auditleaf", "audit_leaf_hash_length"),
        migrations.CreateModel(
            name="AuditLeafHash",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "audit_leaf_hash",
                "constraints": [
                    models.CheckConstraint(name="audit_leaf_hash_from_zero", condition=Q(index__gte=0)),
                    LENGTH,
                ],
            },
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(f"{MOVE}; ALTER TABLE audit_leaf DROP COLUMN hash", MOVE_BACK)],
            [migrations.RemoveField("auditleaf", "hash")],
        ),
        migrations.RunSQL(TEXT, DROP_TEXT),
        migrations.RunSQL(NUMBER_EVENTS, DROP_NUMBER_EVENTS),
        migrations.RunSQL(HASH_LEAVES, DROP_HASH_LEAVES),
    ]
