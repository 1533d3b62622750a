"""An index for each order in which the API pages through a list."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("audit", "0001_initial"),
    ]

    operations = [
        RemoveIndexConcurrently(
            model_name="auditlog",
            name="audit_log_by_time",
        ),
        AddIndexConcurrently(
            model_name="auditlog",
            index=models.Index(fields=["created_at", "id"], name="audit_log_by_time"),
        ),
        AddIndexConcurrently(
            model_name="auditlog",
            index=models.Index(fields=["user_id", "id"], name="audit_log_by_user"),
        ),
        AddIndexConcurrently(
            model_name="auditlog",
            index=models.Index(fields=["party_id", "id"], name="audit_log_by_party"),
        ),
        AddIndexConcurrently(
            model_name="auditlog",
            index=models.Index(fields=["request_id", "id"], name="audit_log_by_request"),
        ),
    ]
