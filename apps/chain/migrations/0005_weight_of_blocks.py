"""What a block's receipts will weigh is foretold by the gas it used; of blocks stored before, nothing is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chain", "0004_endpoints"),
    ]

    operations = [
        migrations.AddField("block", "gas_used", models.BigIntegerField(default=0)),
    ]
