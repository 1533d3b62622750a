"""Events become the log's: chained by stream, in canonical text, with the user agent and commitments."""

import django.contrib.postgres.indexes
from django.db import migrations, models

import apps.audit.fields
import apps.core.ids
import apps.vault.fields
from apps.audit.migrations._hash_chains import BODY, DROP_BODY

SEALED = {"null": True, "purpose": "personal", "subject": "user_id", "bound_to": "seal_id"}

CLASSES = (
    "ledger_and_journals",
    "orders_and_trades",
    "customer_accounts",
    "communications",
    "securityholder_file",
    "transfer_agent_items",
    "sanctions",
    "suspicious_activity",
    "currency_transactions",
    "security_events",
    "audit_trail",
)
ON_ONE_LINE = (
    r"""
    ALTER TABLE audit_auditlog
        ADD CONSTRAINT audit_auditlog_before_check CHECK (json_typeof(before) = 'object' AND before::text !~ '[\n\r]'),
        ADD CONSTRAINT audit_auditlog_after_check CHECK (json_typeof(after) = 'object' AND after::text !~ '[\n\r]')
    """,
    "ALTER TABLE audit_auditlog DROP CONSTRAINT IF EXISTS audit_auditlog_before_check, "
    "DROP CONSTRAINT IF EXISTS audit_auditlog_after_check",
)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0006_nothing_left_in_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditStream",
            fields=[
                ("stream", models.CharField(max_length=193, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": "audit_stream"},
        ),
        migrations.RemoveIndex(model_name="auditlog", name="audit_log_by_time"),
        migrations.RemoveIndex(model_name="auditlog", name="audit_log_by_resource"),
        # Its ciphertexts are bound to the column's name, which stays.
        migrations.AlterField(
            model_name="auditlog",
            name="ip_address",
            field=apps.vault.fields.EncryptedTextField(
                db_column="ip_address", max_length=45, null=True, purpose="personal", subject="user_id"
            ),
        ),
        migrations.RenameField(model_name="auditlog", old_name="ip_address", new_name="ip"),
        migrations.AddField("auditlog", "seal_id", models.UUIDField(null=True, editable=False)),
        migrations.AlterField(
            model_name="auditlog",
            name="seal_id",
            field=models.UUIDField(default=apps.core.ids.new_id, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="auditlog",
            name="ip",
            field=apps.vault.fields.EncryptedTextField(db_column="ip_address", max_length=45, **SEALED),
        ),
        migrations.AddField("auditlog", "user_agent", apps.vault.fields.EncryptedTextField(max_length=512, **SEALED)),
        migrations.AddField("auditlog", "salts", apps.vault.fields.EncryptedJSONField(**SEALED)),
        migrations.AddField(
            "auditlog",
            "source",
            models.CharField(choices=[("app", "App"), ("trigger", "Trigger")], db_default="app", max_length=7),
        ),
        migrations.AddField(
            "auditlog",
            "record_class",
            models.CharField(
                choices=[(name, name.replace("_", " ").title()) for name in CLASSES],
                db_default="audit_trail",
                max_length=32,
            ),
        ),
        migrations.AddField("auditlog", "stream_seq", models.BigIntegerField(db_default=0, editable=False)),
        migrations.AddField("auditlog", "prev_hash", models.BinaryField(editable=False, null=True)),
        migrations.AlterField("auditlog", "request_id", models.CharField(blank=True, db_default="", max_length=64)),
        migrations.AlterField("auditlog", "before", apps.audit.fields.CanonicalJSONField(null=True)),
        migrations.AlterField("auditlog", "after", apps.audit.fields.CanonicalJSONField(null=True)),
        # Django adds a column's own check with the column only.
        migrations.RunSQL(*ON_ONE_LINE),
        migrations.AddField(
            "auditlog",
            "committed",
            apps.audit.fields.CanonicalJSONField(
                db_default=models.Value("{}", output_field=apps.audit.fields.CanonicalJSONField())
            ),
        ),
        migrations.AddConstraint(
            "auditlog",
            models.CheckConstraint(name="audit_log_record_class", condition=models.Q(record_class__in=[*CLASSES])),
        ),
        migrations.AddIndex(
            "auditlog",
            django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="audit_log_by_moment"
            ),
        ),
        migrations.RunSQL(BODY, DROP_BODY),
    ]
