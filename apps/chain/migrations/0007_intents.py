"""Intents that wait for a second person, what an intent passed through, and what became of each attempt."""

import apps.core.db.fields
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


# The expected event is kept from now on when a transaction is found in a block: those found before are found again.
FIND_AGAIN = """
UPDATE chain_txintent SET state = 'BROADCAST', tx_hash = NULL, block_number = NULL, block_hash = NULL,
    succeeded = NULL, gas_used = NULL, reason = '', reason_detail = '' WHERE state = 'MINED'
"""
# As the owner, who alone may write there. Nobody may put the function on a table of his own.
PASSAGES = """
CREATE FUNCTION chain_record_passage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.chain_txintentevent (intent_id, state, reason, tx_hash, block_hash, at)
        SELECT n.id, n.state, n.reason, n.tx_hash, n.block_hash, clock_timestamp() FROM fresh n;
    ELSE
        INSERT INTO public.chain_txintentevent (intent_id, state, reason, tx_hash, block_hash, at)
        SELECT n.id, n.state, n.reason, n.tx_hash, n.block_hash, clock_timestamp()
        FROM fresh n JOIN stale o ON o.id = n.id WHERE o.state <> n.state;
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION chain_record_passage() FROM PUBLIC;
CREATE TRIGGER chain_intent_written AFTER INSERT ON chain_txintent REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION chain_record_passage();
CREATE TRIGGER chain_intent_moved AFTER UPDATE ON chain_txintent REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION chain_record_passage();
ALTER TABLE chain_txintent ENABLE ALWAYS TRIGGER chain_intent_written;
ALTER TABLE chain_txintent ENABLE ALWAYS TRIGGER chain_intent_moved
"""
NO_PASSAGES = """
DROP TRIGGER chain_intent_written ON chain_txintent;
DROP TRIGGER chain_intent_moved ON chain_txintent;
DROP FUNCTION chain_record_passage()
"""


class Migration(migrations.Migration):
    dependencies = [
        ("chain", "0006_event_indexes"),
    ]

    operations = [
        migrations.RunSQL(FIND_AGAIN, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="TxAttemptOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("outcome", models.CharField(choices=[("MINED", "Mined"), ("REPLACED", "Replaced")], max_length=8)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="TxIntentEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("DRAFT", "Draft"),
                            ("APPROVED", "Approved"),
                            ("NONCED", "Nonced"),
                            ("SIGNED", "Signed"),
                            ("BROADCAST", "Broadcast"),
                            ("MINED", "Mined"),
                            ("SAFE", "Safe"),
                            ("ORPHANED", "Orphaned"),
                            ("FINAL", "Final"),
                            ("REVERTED", "Reverted"),
                            ("FAILED", "Failed"),
                            ("REPLACED", "Replaced"),
                            ("DROPPED", "Dropped"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=64)),
                ("tx_hash", models.CharField(max_length=66, null=True)),
                ("block_hash", models.CharField(max_length=66, null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="txintent",
            name="chain_intent_state_known",
        ),
        migrations.RemoveConstraint(
            model_name="txintent",
            name="chain_intent_mined_whole",
        ),
        migrations.RemoveIndex(
            model_name="txintent",
            name="chain_intent_open",
        ),
        migrations.AddField(
            model_name="txintent",
            name="approved_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="txintent",
            name="approved_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="txintent",
            name="drafted_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="txintent",
            name="expect_data",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="txintent",
            name="expect_topics",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=66, null=True), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="txintent",
            name="units",
            field=apps.core.db.fields.TokenUnitsField(null=True),
        ),
        migrations.AlterField(
            model_name="txintent",
            name="nonce",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="txintent",
            name="state",
            field=models.CharField(
                choices=[
                    ("DRAFT", "Draft"),
                    ("APPROVED", "Approved"),
                    ("NONCED", "Nonced"),
                    ("SIGNED", "Signed"),
                    ("BROADCAST", "Broadcast"),
                    ("MINED", "Mined"),
                    ("SAFE", "Safe"),
                    ("ORPHANED", "Orphaned"),
                    ("FINAL", "Final"),
                    ("REVERTED", "Reverted"),
                    ("FAILED", "Failed"),
                    ("REPLACED", "Replaced"),
                    ("DROPPED", "Dropped"),
                ],
                default="NONCED",
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="txintent",
            index=models.Index(
                condition=models.Q(("state__in", ["NONCED", "SIGNED", "BROADCAST", "MINED", "SAFE"])),
                fields=["state", "signer", "nonce"],
                name="chain_intent_open",
            ),
        ),
        migrations.AddIndex(
            model_name="txintent",
            index=models.Index(
                condition=models.Q(("state__in", ["DRAFT", "APPROVED"])),
                fields=["created_at"],
                name="chain_intent_to_approve",
            ),
        ),
        migrations.AddConstraint(
            model_name="txintent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "DRAFT",
                            "APPROVED",
                            "NONCED",
                            "SIGNED",
                            "BROADCAST",
                            "MINED",
                            "SAFE",
                            "ORPHANED",
                            "FINAL",
                            "REVERTED",
                            "FAILED",
                            "REPLACED",
                            "DROPPED",
                        ],
                    )
                ),
                name="chain_intent_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="txintent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("block_number__isnull", False),
                        ("state__in", ("MINED", "SAFE", "ORPHANED", "FINAL", "REVERTED", "FAILED", "REPLACED")),
                        ("tx_hash__isnull", False),
                        ("block_hash__isnull", False),
                        ("succeeded__isnull", False),
                    ),
                    models.Q(
                        models.Q(
                            ("state__in", ("MINED", "SAFE", "ORPHANED", "FINAL", "REVERTED", "FAILED", "REPLACED")),
                            _negated=True,
                        ),
                        ("block_hash", None),
                        ("block_number", None),
                        ("succeeded", None),
                    ),
                    _connector="OR",
                ),
                name="chain_intent_mined_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="txintent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("nonce", None), ("state__in", ("APPROVED", "DRAFT", "DROPPED"))),
                    models.Q(
                        models.Q(("state__in", ("APPROVED", "DRAFT", "DROPPED")), _negated=True),
                        ("nonce__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="chain_intent_nonce_when_sendable",
            ),
        ),
        migrations.AddConstraint(
            model_name="txintent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("drafted_by", None),
                    ("approved_by", None),
                    models.Q(("drafted_by", models.F("approved_by")), _negated=True),
                    _connector="OR",
                ),
                name="chain_intent_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="txintent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved_at", None), ("approved_by", None)),
                    models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                    _connector="OR",
                ),
                name="chain_intent_approval_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="txintent",
            constraint=models.CheckConstraint(
                condition=models.Q(("units", None), ("units__gte", 0), _connector="OR"),
                name="chain_intent_units_not_negative",
            ),
        ),
        migrations.AddField(
            model_name="txattemptoutcome",
            name="attempt",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="outcome", to="chain.txattempt"
            ),
        ),
        migrations.AddField(
            model_name="txintentevent",
            name="intent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="chain.txintent"
            ),
        ),
        migrations.AddConstraint(
            model_name="txattemptoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["MINED", "REPLACED"])), name="chain_outcome_known"
            ),
        ),
        migrations.RunSQL(PASSAGES, NO_PASSAGES),
    ]
