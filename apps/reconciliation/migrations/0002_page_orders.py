"""An index for each order in which the API pages through a list."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("reconciliation", "0001_initial"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="break",
            index=models.Index(fields=["first_seen_at", "id"], name="recon_break_by_first_sight"),
        ),
        AddIndexConcurrently(
            model_name="break",
            index=models.Index(fields=["last_seen_at", "id"], name="recon_break_by_last_sight"),
        ),
        AddIndexConcurrently(
            model_name="run",
            index=models.Index(fields=["started_at", "id"], name="recon_run_by_time"),
        ),
        AddIndexConcurrently(
            model_name="run",
            index=models.Index(fields=["isin", "started_at", "id"], name="recon_run_of_isin_by_time"),
        ),
    ]
