"""Breaks that people close: resolutions decided once by a second person, and events of people beside those of runs."""

import apps.core.ids
import django.db.models.deletion
from django.db import migrations, models

# What a person proposed stays as it was, and is decided once; an entry that is named was posted for this resolution.
DECIDED_ONCE = """
CREATE FUNCTION reconciliation_guard_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'PROPOSED' THEN
            RAISE EXCEPTION 'a resolution begins as a proposal'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recon_resolution_proposed_first';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'PROPOSED' OR NEW.state = 'PROPOSED'
        OR (OLD.id, OLD.found_id, OLD.kind, OLD.reason, OLD.asset, OLD.remedy, OLD.fingerprint, OLD.proposed_by,
            OLD.proposed_at)
        IS DISTINCT FROM (NEW.id, NEW.found_id, NEW.kind, NEW.reason, NEW.asset, NEW.remedy, NEW.fingerprint,
            NEW.proposed_by, NEW.proposed_at)
    THEN
        RAISE EXCEPTION 'a resolution is decided once and otherwise never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recon_resolution_decided_once';
    END IF;
    IF NEW.transfer_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM ledger_transfer t
        WHERE t.id = NEW.transfer_id AND t.source_ref = 'resolution:' || NEW.id AND t.state = 'POSTED'
    ) THEN
        RAISE EXCEPTION 'a resolution names a transfer that does not cite it'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'recon_resolution_cited';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recon_resolution_guard BEFORE INSERT OR UPDATE ON reconciliation_resolution
    FOR EACH ROW EXECUTE FUNCTION reconciliation_guard_resolution();
ALTER TABLE reconciliation_resolution ENABLE ALWAYS TRIGGER recon_resolution_guard;
"""
DROP_DECIDED_ONCE = """
DROP TRIGGER recon_resolution_guard ON reconciliation_resolution;
DROP FUNCTION reconciliation_guard_resolution();
"""
# Nobody resolves a break alone, whatever statement they write.
RESOLVED_BY_TWO = """
CREATE FUNCTION reconciliation_guard_break() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM reconciliation_resolution r
        WHERE r.found_id = NEW.id AND r.state = 'APPROVED' AND r.decided_at = NEW.resolved_at
            AND NEW.accepted = CASE r.kind WHEN 'ACCEPT' THEN r.fingerprint ELSE '' END
    ) THEN
        RAISE EXCEPTION 'a break is resolved by an approved resolution'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recon_break_resolved_by_two';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recon_break_guard BEFORE INSERT OR UPDATE ON reconciliation_break
    FOR EACH ROW WHEN (NEW.state = 'RESOLVED') EXECUTE FUNCTION reconciliation_guard_break();
ALTER TABLE reconciliation_break ENABLE ALWAYS TRIGGER recon_break_guard;
"""
DROP_RESOLVED_BY_TWO = """
DROP TRIGGER recon_break_guard ON reconciliation_break;
DROP FUNCTION reconciliation_guard_break();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0003_metrics_indexes"),
        ("ledger", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="Resolution",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("POST", "post the entry that brings the books to what the chain says"),
                            ("ACCEPT", "accept what is found, as it is found"),
                        ],
                        max_length=6,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PROPOSED", "Proposed"),
                            ("APPROVED", "Approved"),
                            ("REJECTED", "Rejected"),
                            ("LAPSED", "the break was gone before a decision"),
                        ],
                        default="PROPOSED",
                        max_length=8,
                    ),
                ),
                ("reason", models.CharField(max_length=1000)),
                ("asset", models.CharField(max_length=32)),
                ("remedy", models.JSONField(null=True)),
                ("fingerprint", models.CharField(max_length=64)),
                ("proposed_by", models.UUIDField()),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("transfer_id", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="break",
            name="recon_break_cleared_whole",
        ),
        migrations.RemoveIndex(
            model_name="break",
            name="recon_break_open",
        ),
        migrations.AddField(
            model_name="break",
            name="accepted",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="break",
            name="owner_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="break",
            name="resolved_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="breakevent",
            name="fingerprint",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="breakevent",
            name="remedy",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="breakevent",
            name="user_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AlterField(
            model_name="break",
            name="state",
            field=models.CharField(
                choices=[
                    ("OPEN", "nobody has proposed what is to become of it"),
                    ("PROPOSED", "a resolution waits for a second person"),
                    ("RESOLVED", "closed by a resolution that two people decided on"),
                    ("CLEARED", "no longer found by a run that could tell"),
                ],
                default="OPEN",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="breakevent",
            name="change",
            field=models.CharField(
                choices=[
                    ("RAISED", "seen for the first time"),
                    ("SEEN", "still there"),
                    ("REOPENED", "back again: its age counts from the first time"),
                    ("CLEARED", "no longer there"),
                    ("ASSIGNED", "given to an owner"),
                    ("EXPLAINED", "explained by a person"),
                    ("PROPOSED", "a resolution was proposed"),
                    ("REJECTED", "a proposal was turned down"),
                    ("RESOLVED", "a proposal was approved and carried out"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="breakevent",
            name="run",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="events", to="reconciliation.run"
            ),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(
                condition=models.Q(("state__in", ("OPEN", "PROPOSED"))), fields=["kind"], name="recon_break_unsettled"
            ),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(
                condition=models.Q(("state__in", ("OPEN", "PROPOSED"))),
                fields=["isin", "first_seen_at"],
                name="recon_break_ageing",
            ),
        ),
        migrations.AddIndex(
            model_name="breakevent",
            index=models.Index(
                condition=models.Q(("change__in", ("RAISED", "SEEN", "REOPENED"))),
                fields=["found", "-id"],
                name="recon_break_sightings",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("accepted", ""),
                        ("cleared_at", None),
                        ("resolved_at", None),
                        ("state__in", ("OPEN", "PROPOSED")),
                    ),
                    models.Q(
                        ("accepted", ""), ("cleared_at__isnull", False), ("resolved_at", None), ("state", "CLEARED")
                    ),
                    models.Q(("cleared_at", None), ("resolved_at__isnull", False), ("state", "RESOLVED")),
                    _connector="OR",
                ),
                name="recon_break_ended_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="breakevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("run__isnull", False), ("user_id", None)),
                    models.Q(("run", None), ("user_id__isnull", False)),
                    _connector="OR",
                ),
                name="recon_break_event_of_one",
            ),
        ),
        migrations.AddField(
            model_name="resolution",
            name="found",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="resolutions", to="reconciliation.break"
            ),
        ),
        migrations.AddConstraint(
            model_name="resolution",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["POST", "ACCEPT"])), name="recon_resolution_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="resolution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by", None),
                    models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="recon_resolution_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="resolution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "POST"), ("remedy__isnull", False)),
                    models.Q(("kind", "ACCEPT"), ("remedy__isnull", True)),
                    _connector="OR",
                ),
                name="recon_resolution_remedy_fits",
            ),
        ),
        migrations.AddConstraint(
            model_name="resolution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at", None), ("decided_by", None), ("state", "PROPOSED"), ("transfer_id", None)),
                    models.Q(
                        ("decided_by__isnull", False),
                        ("state", "REJECTED"),
                        ("transfer_id", None),
                        ("decided_at__isnull", False),
                    ),
                    models.Q(
                        ("decided_at__isnull", False), ("decided_by", None), ("state", "LAPSED"), ("transfer_id", None)
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("state", "APPROVED"),
                        models.Q(
                            models.Q(("kind", "POST"), ("transfer_id__isnull", False)),
                            models.Q(("kind", "ACCEPT"), ("transfer_id", None)),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="recon_resolution_decided_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="resolution",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "PROPOSED")), fields=("found",), name="recon_resolution_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="resolution",
            constraint=models.UniqueConstraint(fields=("transfer_id",), name="recon_resolution_of_transfer"),
        ),
        migrations.RunSQL(DECIDED_ONCE, DROP_DECIDED_ONCE),
        migrations.RunSQL(RESOLVED_BY_TWO, DROP_RESOLVED_BY_TWO),
    ]
