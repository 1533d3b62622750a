"""An index for each order in which the API pages through a list."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("dex", "0001_initial"),
    ]

    operations = [
        RemoveIndexConcurrently(
            model_name="order",
            name="dex_order_of_party",
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["party_id", "created_at", "id"], name="dex_order_of_party"),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["created_at", "id"], name="dex_order_by_time"),
        ),
        AddIndexConcurrently(
            model_name="trade",
            index=models.Index(fields=["isin", "executed_at", "id"], name="dex_trade_by_time"),
        ),
    ]
