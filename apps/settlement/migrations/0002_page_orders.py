"""An index for each order in which the API pages through a list."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("accounts", "0001_initial"),
        ("settlement", "0001_initial"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="settlementinstruction",
            index=models.Index(fields=["created_at", "id"], name="settlement_by_time"),
        ),
        AddIndexConcurrently(
            model_name="settlementinstruction",
            index=models.Index(fields=["intended_settlement_date", "id"], name="settlement_by_date"),
        ),
    ]
