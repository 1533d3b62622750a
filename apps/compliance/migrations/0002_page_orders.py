"""An index for each order in which the API pages through a list."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("accounts", "0001_initial"),
        ("compliance", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="wallet",
            name="party",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.party"
            ),
        ),
        AddIndexConcurrently(
            model_name="investorprofile",
            index=models.Index(fields=["created_at", "party"], name="investor_by_time"),
        ),
        AddIndexConcurrently(
            model_name="investorprofile",
            index=models.Index(fields=["kyc_status", "created_at", "party"], name="investor_by_kyc"),
        ),
        AddIndexConcurrently(
            model_name="wallet",
            index=models.Index(fields=["party", "proved_at", "id"], name="wallet_of_party"),
        ),
    ]
