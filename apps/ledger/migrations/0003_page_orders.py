"""An index for each order in which the API pages through a list."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("accounts", "0001_initial"),
        ("ledger", "0002_guards"),
    ]

    operations = [
        migrations.AlterField(
            model_name="ledgeraccount",
            name="party",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_accounts",
                to="accounts.party",
            ),
        ),
        AddIndexConcurrently(
            model_name="ledgeraccount",
            index=models.Index(fields=["party", "id"], name="ledger_account_of_party"),
        ),
        AddIndexConcurrently(
            model_name="ledgeraccount",
            index=models.Index(fields=["asset", "id"], name="ledger_account_of_asset"),
        ),
    ]
