"""Open holds are found without reading the others, and a verification takes a number of seconds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0018_retention"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="audithold",
            index=models.Index(condition=models.Q(("released_at", None)), fields=["placed_at"], name="audit_hold_open"),
        ),
        migrations.AddConstraint(
            model_name="auditverification",
            constraint=models.CheckConstraint(
                condition=models.Q(("seconds__gte", 0), ("seconds__lt", 1000000)), name="audit_verification_seconds"
            ),
        ),
    ]
