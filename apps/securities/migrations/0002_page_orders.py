"""An index for each order in which the API pages through a list."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("securities", "0001_initial"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="security",
            index=models.Index(fields=["created_at", "isin"], name="security_by_time"),
        ),
    ]
