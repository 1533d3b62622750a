"""A log is one narrow row: bytes instead of hex, and what a Transfer moved beside the log instead of in a table."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import apps.chain.models.fields
import apps.core.db.fields
from apps.core.db.guards import lifted

BYTES = """
ALTER TABLE chain_rawlog
    ALTER COLUMN tx_hash TYPE bytea USING decode(substr(tx_hash, 3), 'hex'),
    ALTER COLUMN address TYPE bytea USING decode(substr(address, 3), 'hex'),
    ALTER COLUMN data TYPE bytea USING decode(substr(data, 3), 'hex'),
    ALTER COLUMN topics TYPE bytea USING decode(replace(array_to_string(topics, ''), '0x', ''), 'hex');
ALTER TABLE chain_rawlog
    ADD CONSTRAINT chain_rawlog_tx_hash_check CHECK (octet_length(tx_hash) = 32),
    ADD CONSTRAINT chain_rawlog_address_check CHECK (octet_length(address) = 20),
    ADD CONSTRAINT chain_rawlog_topics_check CHECK (octet_length(topics) % 32 = 0 AND octet_length(topics) <= 128)
"""
TEXT = """
ALTER TABLE chain_rawlog
    DROP CONSTRAINT chain_rawlog_tx_hash_check,
    DROP CONSTRAINT chain_rawlog_address_check,
    DROP CONSTRAINT chain_rawlog_topics_check;
CREATE FUNCTION pg_temp.topics_as_text(joined bytea) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg('0x' || encode(substr(joined, at * 32 + 1, 32), 'hex') ORDER BY at), '{}')
    FROM generate_series(0, octet_length(joined) / 32 - 1) at
$$;
ALTER TABLE chain_rawlog
    ALTER COLUMN tx_hash TYPE varchar(66) USING '0x' || encode(tx_hash, 'hex'),
    ALTER COLUMN address TYPE varchar(42) USING '0x' || encode(address, 'hex'),
    ALTER COLUMN data TYPE text USING '0x' || encode(data, 'hex'),
    ALTER COLUMN topics TYPE varchar(66)[] USING pg_temp.topics_as_text(topics)
"""
# Deferred checks of these rows would forbid the alterations that follow.
MOVE = lifted(
    "chain_rawlog",
    """UPDATE chain_rawlog l SET amount = t.amount, sender = decode(substr(t.sender, 3), 'hex'),
           recipient = decode(substr(t.recipient, 3), 'hex')
       FROM chain_tokentransfer t WHERE t.block_id = l.block_id AND t.log_index = l.log_index;
       SET CONSTRAINTS ALL IMMEDIATE""",
)
MOVE_BACK = """
INSERT INTO chain_tokentransfer (block_id, block_number, log_index, token, sender, recipient, amount)
SELECT l.block_id, l.block_number, l.log_index, '0x' || encode(l.address, 'hex'),
    '0x' || encode(coalesce(t.sender, l.sender), 'hex'), '0x' || encode(coalesce(t.recipient, l.recipient), 'hex'),
    coalesce(t.amount, l.amount)
FROM chain_rawlog l LEFT JOIN chain_latetransfer t ON t.log_id = l.id
WHERE coalesce(t.amount, l.amount) IS NOT NULL;
SET CONSTRAINTS ALL IMMEDIATE
"""
ADDRESS = {"length": 20}


class Migration(migrations.Migration):
    dependencies = [
        ("chain", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(BYTES, TEXT)],
            [
                migrations.AlterField("rawlog", "tx_hash", apps.chain.models.fields.HexField(length=32)),
                migrations.AlterField("rawlog", "address", apps.chain.models.fields.HexField(**ADDRESS)),
                migrations.AlterField("rawlog", "topics", apps.chain.models.fields.TopicsField()),
                migrations.AlterField("rawlog", "data", apps.chain.models.fields.HexField()),
            ],
        ),
        migrations.AddField("rawlog", "sender", apps.chain.models.fields.HexField(**ADDRESS, null=True)),
        migrations.AddField("rawlog", "recipient", apps.chain.models.fields.HexField(**ADDRESS, null=True)),
        migrations.AddField("rawlog", "amount", apps.core.db.fields.TokenUnitsField(null=True)),
        migrations.CreateModel(
            name="LateTransfer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sender", apps.chain.models.fields.HexField(**ADDRESS)),
                ("recipient", apps.chain.models.fields.HexField(**ADDRESS)),
                ("amount", apps.core.db.fields.TokenUnitsField()),
                (
                    "log",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="late_transfer", to="chain.rawlog"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(condition=Q(amount__gte=0), name="late_transfer_not_negative"),
                ],
            },
        ),
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.DeleteModel("TokenTransfer"),
        migrations.AddConstraint(
            "rawlog",
            models.CheckConstraint(
                condition=Q(sender=None, recipient=None, amount=None)
                | Q(sender__isnull=False, recipient__isnull=False, amount__gte=0),
                name="raw_log_movement",
            ),
        ),
    ]
