"""A write of the log is one narrow row: streams are numbered and linked when their events become leaves.

The log is numbered anew, since every text has changed; no release ever signed the former ones.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Value
from django.db.models.functions import Length
from django.db.models.lookups import Exact

import apps.audit.fields
from apps.audit.migrations import _hash_chains as chains
from apps.core.db.guards import lifted
from apps.audit.migrations._hash_in_leaf import DROP_NUMBER_EVENTS, DROP_TEXT, NUMBER_EVENTS, TEXT
from apps.audit.sql import BODY, DROP_BODY, RECORD_ROW

DROP_V1 = """
DROP TRIGGER audit_joins_stream ON audit_auditlog;
DROP FUNCTION audit_join_stream();
DROP FUNCTION audit_number_events(integer);
DROP FUNCTION audit_leaf_hash(text);
DROP FUNCTION audit_body(audit_auditlog);
DROP FUNCTION audit_body_at(audit_auditlog, bigint, bytea)
"""
MAKE_V1 = f"""
{chains.BODY};
{lifted("audit_auditlog", chains.CHAIN_ROWS.format(0, 2**62))};
{chains.STREAMS};
{chains.NUMBER_EVENTS}
"""
RECORD_ROW_V1 = chains.ROWS[chains.ROWS.index("CREATE FUNCTION audit_record_row") :].replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
FORGET = [lifted(table, f"TRUNCATE {table}") for table in ("audit_head", "audit_tile")]
SEARCHED = {
    "created_at": "timestamptz_minmax_ops",
    "user_id": "uuid_bloom_ops",
    "party_id": "uuid_bloom_ops",
    "request_id": "text_bloom_ops",
    "resource_type": "text_bloom_ops",
    "resource_id": "text_bloom_ops",
}
GONE = ("stream_seq", "prev_hash", "committed", "ip", "user_agent", "salts", "seal_id")
LENGTH = Exact(Length("hash"), Value(32))


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0014_origins"),
    ]

    operations = [
        migrations.RemoveConstraint("auditlog", "audit_log_stream_seq"),
        migrations.RunSQL(DROP_V1, MAKE_V1),
        *(migrations.RunSQL(statement, statement) for statement in FORGET),
        migrations.DeleteModel("AuditLeaf"),
        migrations.DeleteModel("AuditStream"),
        *(
            migrations.RemoveIndex("auditlog", f"audit_log_by_{name}")
            for name in ("moment", "user", "party", "request")
        ),
        *(migrations.RemoveField("auditlog", name) for name in GONE),
        migrations.AlterField(
            "auditlog", "created_at", models.DateTimeField(db_default=apps.audit.fields.ClockTimestamp())
        ),
        migrations.AddIndex(
            "auditlog",
            django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=[*SEARCHED],
                name="audit_log_search",
                opclasses=[*SEARCHED.values()],
                pages_per_range=32,
            ),
        ),
        migrations.CreateModel(
            name="AuditLeaf",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "event",
                    models.OneToOneField(
                        db_column="event",
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leaf",
                        to="audit.auditlog",
                    ),
                ),
                ("xid", apps.audit.fields.Xid8Field()),
                ("stream", models.CharField(db_collation="C", max_length=193)),
                ("stream_seq", models.BigIntegerField()),
                ("prev", models.BigIntegerField(null=True)),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "audit_leaf",
                "constraints": [
                    models.UniqueConstraint(fields=("stream", "stream_seq"), name="audit_leaf_stream_seq"),
                    models.CheckConstraint(
                        condition=models.Q(index__gte=0, stream_seq__gte=1), name="audit_leaf_from_zero"
                    ),
                    models.CheckConstraint(condition=models.Q(prev__lt=models.F("index")), name="audit_leaf_linked"),
                    models.CheckConstraint(condition=LENGTH, name="audit_leaf_hash_length"),
                ],
            },
        ),
        migrations.RunSQL(BODY, DROP_BODY),
        migrations.RunSQL(TEXT, DROP_TEXT),
        migrations.RunSQL(NUMBER_EVENTS, DROP_NUMBER_EVENTS),
        migrations.RunSQL(RECORD_ROW, RECORD_ROW_V1),
    ]
