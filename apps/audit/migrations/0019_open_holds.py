"""Open holds are found without reading the others."""

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
    ]
