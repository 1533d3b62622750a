"""An index in the order in which events become leaves."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("audit", "0010_rows_of_watched_tables"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="auditlog",
            index=models.Index(fields=["xid", "id"], name="audit_log_by_commit"),
        ),
    ]
