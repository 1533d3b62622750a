"""How long events are kept: periods, exports, holds and endings, and the one function that removes what expired."""

import apps.audit.fields
import apps.core.ids
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

from apps.audit import expiry_sql as sql


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0017_verifications"),
        ("vault", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEnding",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("record", models.CharField(max_length=128)),
                ("ended_at", models.DateTimeField()),
                ("reference", models.CharField(max_length=64)),
                ("told_by", models.UUIDField()),
                ("told_at", models.DateTimeField()),
                ("confirmed_by", models.UUIDField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("withdrawn_by", models.UUIDField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "audit_ending",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at", None)), fields=("record",), name="audit_ending_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("record", ""), _negated=True), ("reference__regex", "^[A-Za-z0-9._:-]{1,64}$")
                        ),
                        name="audit_ending_named",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                models.Q(("confirmed_at", None), ("confirmed_by", None)),
                                models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                                _connector="OR",
                            ),
                            models.Q(
                                models.Q(("withdrawn_at", None), ("withdrawn_by", None)),
                                models.Q(("withdrawn_at__isnull", False), ("withdrawn_by__isnull", False)),
                                _connector="OR",
                            ),
                        ),
                        name="audit_ending_steps",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ended_at__lte", models.F("told_at"))), name="audit_ending_was"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("confirmed_by", models.F("told_by")), _negated=True),
                        name="audit_ending_two_people",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditExpiry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "xid",
                    apps.audit.fields.Xid8Field(db_default=apps.audit.fields.CurrentTransactionId(), editable=False),
                ),
                ("event", models.BigIntegerField(unique=True)),
                ("first", models.BigIntegerField()),
                ("stop", models.BigIntegerField()),
                ("removed", models.IntegerField()),
                ("origins", models.IntegerField(db_default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "audit_expiry",
                "indexes": [models.Index(fields=["xid"], name="audit_expiry_by_transaction")],
            },
        ),
        migrations.CreateModel(
            name="AuditExpiryRun",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("position", models.BigIntegerField(default=0)),
                ("looked_at", models.BigIntegerField(default=0)),
                ("removed", models.BigIntegerField(default=0)),
                ("staying", models.JSONField(default=dict)),
            ],
            options={
                "db_table": "audit_expiry_run",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("ended_at",),
                        name="audit_expiry_run_one",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first", models.BigIntegerField()),
                ("stop", models.BigIntegerField()),
                ("head_size", models.BigIntegerField()),
                ("manifest_sha256", models.BinaryField()),
                ("place", models.CharField(max_length=300)),
                ("exported_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "audit_export",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("first__gte", 0), ("head_size__gte", models.F("stop")), ("stop__gt", models.F("first"))
                        ),
                        name="audit_export_range",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            django.db.models.functions.text.Length("manifest_sha256"), models.Value(32)
                        ),
                        name="audit_export_digest_length",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditHold",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("SUBJECT", "a party or user"),
                            ("RESOURCE", "a resource"),
                            ("PERIOD", "a time"),
                            ("ALL", "everything"),
                        ],
                        max_length=8,
                    ),
                ),
                ("subject", models.UUIDField(null=True)),
                ("resource_type", models.CharField(blank=True, default="", max_length=64)),
                ("resource_id", models.CharField(blank=True, default="", max_length=128)),
                ("since", models.DateTimeField(null=True)),
                ("until", models.DateTimeField(null=True)),
                ("reference", models.CharField(max_length=64)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("LITIGATION", "litigation, pending or expected"),
                            ("INVESTIGATION", "an investigation"),
                            ("AUTHORITY", "an authority asked"),
                            ("AUDIT", "an audit under way"),
                            ("OTHER", "another matter"),
                        ],
                        max_length=13,
                    ),
                ),
                ("placed_by", models.UUIDField()),
                ("placed_at", models.DateTimeField()),
                ("release_asked_by", models.UUIDField(null=True)),
                ("release_asked_at", models.DateTimeField(null=True)),
                ("released_by", models.UUIDField(null=True)),
                ("released_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "audit_hold",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind", "SUBJECT"),
                                ("resource_type", ""),
                                ("since", None),
                                ("subject__isnull", False),
                                ("until", None),
                            ),
                            models.Q(
                                ("kind", "RESOURCE"),
                                ("since", None),
                                ("subject", None),
                                ("until", None),
                                models.Q(("resource_type", ""), _negated=True),
                            ),
                            models.Q(
                                ("kind", "PERIOD"),
                                ("resource_type", ""),
                                ("since__isnull", False),
                                ("subject", None),
                                ("until__gt", models.F("since")),
                                ("until__isnull", False),
                            ),
                            models.Q(
                                ("kind", "ALL"),
                                ("resource_type", ""),
                                ("since", None),
                                ("subject", None),
                                ("until", None),
                            ),
                            _connector="OR",
                        ),
                        name="audit_hold_names",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("resource_id", ""), ("kind", "RESOURCE"), _connector="OR"),
                        name="audit_hold_resource",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reference__regex", "^[A-Za-z0-9._:-]{1,64}$")),
                        name="audit_hold_reference_shape",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("release_asked_at", None),
                                ("release_asked_by", None),
                                ("released_at", None),
                                ("released_by", None),
                            ),
                            models.Q(
                                ("release_asked_at__isnull", False),
                                ("release_asked_by__isnull", False),
                                ("released_at", None),
                                ("released_by", None),
                            ),
                            models.Q(
                                ("release_asked_at__isnull", False),
                                ("release_asked_by__isnull", False),
                                ("released_at__isnull", False),
                                ("released_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="audit_hold_steps",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("released_by", models.F("release_asked_by")), _negated=True),
                        name="audit_hold_two_people",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditRetention",
            fields=[
                (
                    "record_class",
                    models.CharField(
                        choices=[
                            ("ledger_and_journals", "Ledger And Journals"),
                            ("orders_and_trades", "Orders And Trades"),
                            ("customer_accounts", "Customer Accounts"),
                            ("communications", "Communications"),
                            ("securityholder_file", "Securityholder File"),
                            ("transfer_agent_items", "Transfer Agent Items"),
                            ("sanctions", "Sanctions"),
                            ("suspicious_activity", "Suspicious Activity"),
                            ("currency_transactions", "Currency Transactions"),
                            ("security_events", "Security Events"),
                            ("audit_trail", "Audit Trail"),
                        ],
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("days", models.IntegerField()),
                ("starts", models.CharField(choices=[("EVENT", "event"), ("END", "end")], max_length=5)),
                ("citation", models.CharField(max_length=300)),
            ],
            options={
                "db_table": "audit_retention",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("days__gte", 2192), ("record_class", "ledger_and_journals")),
                            models.Q(("days__gte", 1096), ("record_class", "orders_and_trades")),
                            models.Q(("days__gte", 2192), ("record_class", "customer_accounts")),
                            models.Q(("days__gte", 1096), ("record_class", "communications")),
                            models.Q(("days__gte", 2192), ("record_class", "securityholder_file")),
                            models.Q(("days__gte", 731), ("record_class", "transfer_agent_items")),
                            models.Q(("days__gte", 3653), ("record_class", "sanctions")),
                            models.Q(("days__gte", 1827), ("record_class", "suspicious_activity")),
                            models.Q(("days__gte", 1827), ("record_class", "currency_transactions")),
                            models.Q(("days__gte", 366), ("record_class", "security_events")),
                            models.Q(("days__gte", 2557), ("record_class", "audit_trail")),
                            _connector="OR",
                        ),
                        name="audit_retention_lawful",
                    )
                ],
            },
        ),
        migrations.RunSQL(sql.LEAST + ";" + sql.GUARD, sql.DROP_GUARD),
        migrations.RunSQL(sql.GUARD_ORIGIN, sql.DROP_GUARD_ORIGIN),
        migrations.RunSQL(sql.GUARD_HOLD, sql.DROP_GUARD_HOLD),
        migrations.RunSQL(sql.CLOCK + ";" + sql.STANDING + ";" + sql.EXPIRE + ";" + sql.EXPIRE_ORIGINS, sql.DROP),
    ]
