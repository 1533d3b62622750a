"""From where people came is written once for many events: what each row had of it goes to rows of its own."""

from typing import Any

from django.apps import apps as installed
from django.db import connections, migrations, models, transaction

import apps.audit.fields
import apps.core.ids
import apps.vault.fields
from apps.core.db.privileges import apply_privileges
from apps.vault.fields.querysets import SealedQuerySet

# Well under a second each.
CHUNK = 500
SEALED = {"null": True, "purpose": "personal", "subject": "user_id"}
TOLD = ("ip", "user_agent", "salts")
GUARDED = "SELECT 1 FROM pg_trigger WHERE tgrelid = 'audit_auditlog'::regclass AND tgname = 'append_only_row'"
LIFT = "ALTER TABLE audit_auditlog DISABLE TRIGGER append_only_row"
RESTORE = "ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER append_only_row"
NAME = "UPDATE audit_auditlog SET origin_id = %s WHERE id = %s"


def part(apps: Any, schema_editor: Any) -> None:
    """Write an origin for each row that has anything to tell. A person's who was erased has commitments only."""
    origins = apps.get_model("audit", "AuditOrigin")

    def move(row: Any, alias: str) -> None:
        if row.committed or row.ip is not None:
            values = {name: getattr(row, name) for name in TOLD}
            made = origins(user_id=row.user_id, session_id=row.session_id, committed=row.committed, **values)
            SealedQuerySet(origins, using=alias).bulk_create([made])
            with connections[alias].cursor() as cursor:
                cursor.execute(NAME, [made.pk, row.pk])

    _each(apps, schema_editor.connection.alias, move)


def join(apps: Any, schema_editor: Any) -> None:
    """Give each row what its origin tells, bound to its number as in the oldest rows."""
    logs, origins = (apps.get_model("audit", name) for name in ("AuditLog", "AuditOrigin"))

    def move(row: Any, alias: str) -> None:
        if row.origin_id is not None:
            told = SealedQuerySet(origins, using=alias).get(pk=row.origin_id)
            row.committed, row.seal_id = told.committed, None
            for name in TOLD:
                setattr(row, name, getattr(told, name))
            SealedQuerySet(logs, using=alias).bulk_update([row], ["committed", "seal_id", *TOLD])

    _each(apps, schema_editor.connection.alias, move)


def _each(apps: Any, alias: str, move: Any) -> None:
    """A chunk a transaction, with the table's guard lifted in it alone."""
    rows: SealedQuerySet[Any] = SealedQuerySet(apps.get_model("audit", "AuditLog"), using=alias).order_by("pk")
    chunk = list(rows[:CHUNK])
    if chunk:
        # Keys are made as the application's role, which may be about to get its rights only after this migration.
        for name in ("vault", "core"):
            apply_privileges(installed.get_app_config(name), using=alias)
    while chunk:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(GUARDED)
            guarded = cursor.fetchone()
            if guarded:
                cursor.execute(LIFT)
            for row in chunk:
                move(row, alias)
            if guarded:
                cursor.execute(RESTORE)
        chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:CHUNK])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("audit", "0013_rules_in_the_trigger"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditOrigin",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(db_default=apps.audit.fields.ClockTimestamp())),
                ("user_id", models.UUIDField(null=True)),
                ("session_id", models.UUIDField(null=True)),
                ("committed", apps.audit.fields.CanonicalJSONField()),
                ("ip", apps.vault.fields.EncryptedTextField(max_length=45, **SEALED)),
                ("user_agent", apps.vault.fields.EncryptedTextField(max_length=512, **SEALED)),
                ("salts", apps.vault.fields.EncryptedJSONField(**SEALED)),
            ],
            options={"db_table": "audit_origin"},
        ),
        migrations.AddField(
            "auditlog",
            "origin",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=models.PROTECT,
                related_name="+",
                to="audit.auditorigin",
            ),
        ),
        migrations.RunPython(part, join, elidable=True),
    ]
