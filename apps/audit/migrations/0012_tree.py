"""The tree over the log: leaves, tiles, signed heads and keys. The sequencer numbers what is there when it starts."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q, Value
from django.db.models.functions import Length
from django.db.models.lookups import Exact

import apps.audit.fields
from apps.audit.migrations._hash_chains import DROP_NUMBER_EVENTS, NUMBER_EVENTS


def has_bytes(name: str, column: str, length: int) -> models.CheckConstraint:
    """A column of bytes has exactly this many."""
    return models.CheckConstraint(condition=Exact(Length(column), Value(length)), name=name)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0011_order_of_leaves"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditSigningKey",
            fields=[
                ("key_id", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("public_key", models.BinaryField()),
                ("created_at", models.DateTimeField()),
            ],
            options={"db_table": "audit_signing_key", "constraints": [has_bytes("audit_key_length", "public_key", 32)]},
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("log", models.CharField(max_length=300)),
                ("root", models.BinaryField()),
                ("at", models.DateTimeField()),
                ("signature", models.BinaryField()),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="audit.auditsigningkey"
                    ),
                ),
            ],
            options={
                "db_table": "audit_head",
                "constraints": [
                    models.CheckConstraint(condition=Q(size__gt=0), name="audit_head_not_empty"),
                    has_bytes("audit_head_root_length", "root", 32),
                    has_bytes("audit_head_signature_length", "signature", 64),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditLeaf",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event", models.BigIntegerField(unique=True)),
                ("xid", apps.audit.fields.Xid8Field()),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "audit_leaf",
                "constraints": [
                    models.CheckConstraint(condition=Q(index__gte=0), name="audit_leaf_from_zero"),
                    has_bytes("audit_leaf_hash_length", "hash", 32),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditTile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("level", models.SmallIntegerField()),
                ("number", models.BigIntegerField()),
                ("data", models.BinaryField()),
            ],
            options={
                "db_table": "audit_tile",
                "constraints": [
                    models.UniqueConstraint(fields=("level", "number"), name="audit_tile_once"),
                    models.CheckConstraint(condition=Q(level__gte=1, number__gte=0), name="audit_tile_named"),
                    has_bytes("audit_tile_length", "data", 8192),
                ],
            },
        ),
        migrations.RunSQL(NUMBER_EVENTS, DROP_NUMBER_EVENTS),
    ]
