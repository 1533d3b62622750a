"""Indexes by which events are listed: in chain order, of a wallet they name, and rare ones by name."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.lookups import Exact, GreaterThan

import apps.chain.models.fields

HEX = apps.chain.models.fields.HexField
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def topic(start):
    template = f"%(function)s(%(expressions)s, {start}, 32)"
    return models.Func(models.F("topics"), function="substring", output_field=HEX(), template=template)


def rare():
    return models.Q(Exact(topic(1), models.Value(TRANSFER, output_field=HEX())), _negated=True)


def there_is_a_fourth():
    return models.Q(GreaterThan(topic(97), models.Value("0x", output_field=HEX())))


INDEXES = (
    models.Index(fields=["block_number"], name="raw_log_in_order"),
    models.Index(topic(33), name="raw_log_topic_1"),
    models.Index(topic(65), name="raw_log_topic_2"),
    models.Index(topic(97), name="raw_log_topic_3", condition=there_is_a_fourth()),
    models.Index(topic(1), models.F("block_number"), name="raw_log_rare", condition=rare()),
)
# How many logs claim which event, and that few have a fourth topic: without it a planner holds Transfers for as rare as
# all else, and any wallet for frequent.
COUNTS = tuple(
    (f"CREATE STATISTICS {name} ON (substring(topics, {start}, 32)) FROM chain_rawlog", f"DROP STATISTICS {name}")
    for name, start in (("raw_log_topic_0", 1), ("raw_log_topic_3_few", 97))
)


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("chain", "0005_weight_of_blocks"),
    ]

    operations = [
        *(AddIndexConcurrently(model_name="rawlog", index=index) for index in INDEXES),
        *(migrations.RunSQL(*count) for count in COUNTS),
    ]
