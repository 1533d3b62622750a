"""A log is one narrow row: bytes instead of hex, and what a Transfer moved beside the log instead of in a table."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import apps.chain.models.fields
import apps.core.db.fields
from apps.chain import effects_sql as sql
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
# keccak256 of TokensFrozen(address,uint256) and TokensUnfrozen(address,uint256): one indexed wallet, one word.
FROZEN = "a065e63c631c86f1b9f66a4a2f63f2093bf1c2168d23290259dbd969e0222a45"
UNFROZEN = "9bed35cb62ad0dba04f9d5bfee4b5bc91443e77da8a65c4c84834c51bb08b0d6"
NUMBER = """
CREATE FUNCTION pg_temp.number_of(word bytea) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT sum(get_byte(word, at) * 256::numeric ^ (31 - at)) FROM generate_series(0, 31) at
$$
"""
# Deferred checks of these rows would forbid the alterations that follow.
MOVE = lifted(
    "chain_rawlog",
    f"""{NUMBER};
       UPDATE chain_rawlog l SET effect = CASE WHEN substr(l.topics, 1, 32) = '\\x{FROZEN}' THEN 'F' ELSE 'U' END,
           recipient = substr(l.topics, 45, 20), amount = pg_temp.number_of(l.data)
       WHERE substr(l.topics, 1, 32) IN ('\\x{FROZEN}', '\\x{UNFROZEN}') AND octet_length(l.topics) = 64
           AND octet_length(l.data) = 32 AND substr(l.topics, 33, 12) = decode(repeat('00', 12), 'hex');
       UPDATE chain_rawlog l SET effect = 'M', amount = t.amount, sender = decode(substr(t.sender, 3), 'hex'),
           recipient = decode(substr(t.recipient, 3), 'hex')
       FROM chain_tokentransfer t WHERE t.block_id = l.block_id AND t.log_index = l.log_index;
       SET CONSTRAINTS ALL IMMEDIATE""",
)
MOVE_BACK = """
INSERT INTO chain_tokentransfer (block_id, block_number, log_index, token, sender, recipient, amount)
SELECT l.block_id, l.block_number, l.log_index, '0x' || encode(l.address, 'hex'),
    '0x' || encode(coalesce(t.sender, l.sender), 'hex'), '0x' || encode(coalesce(t.recipient, l.recipient), 'hex'),
    coalesce(t.amount, l.amount)
FROM chain_rawlog l LEFT JOIN chain_lateeffect t ON t.log_id = l.id WHERE coalesce(t.effect, l.effect) = 'M';
SET CONSTRAINTS ALL IMMEDIATE
"""
ADDRESS = {"length": 20}
EFFECTS = [
    ("M", "units moved from one wallet to another"),
    ("F", "units of a wallet were frozen"),
    ("U", "units of a wallet were unfrozen"),
]
WHOLE = Q(recipient__isnull=False, amount__gte=0) & (
    Q(effect="M", sender__isnull=False) | Q(effect__in=("F", "U"), sender=None)
)


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
        migrations.AddField("rawlog", "effect", models.CharField(choices=EFFECTS, max_length=1, null=True)),
        migrations.AddField("rawlog", "sender", apps.chain.models.fields.HexField(**ADDRESS, null=True)),
        migrations.AddField("rawlog", "recipient", apps.chain.models.fields.HexField(**ADDRESS, null=True)),
        migrations.AddField("rawlog", "amount", apps.core.db.fields.TokenUnitsField(null=True)),
        migrations.CreateModel(
            name="LateEffect",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("effect", models.CharField(choices=EFFECTS, max_length=1)),
                ("sender", apps.chain.models.fields.HexField(**ADDRESS, null=True)),
                ("recipient", apps.chain.models.fields.HexField(**ADDRESS)),
                ("amount", apps.core.db.fields.TokenUnitsField()),
                (
                    "log",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="late_effect", to="chain.rawlog"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(condition=WHOLE, name="late_effect_whole"),
                ],
            },
        ),
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.DeleteModel("TokenTransfer"),
        migrations.AddConstraint(
            "rawlog",
            models.CheckConstraint(
                condition=WHOLE | Q(effect=None, sender=None, recipient=None, amount=None), name="raw_log_effect"
            ),
        ),
        migrations.RunSQL(sql.EFFECTS, sql.DROP_EFFECTS),
    ]
