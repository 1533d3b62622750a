"""An index for each order in which the API pages through a list."""

from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("notifications", "0002_first_words"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        RemoveIndexConcurrently(
            model_name="notification",
            name="notification_of_user",
        ),
        AddIndexConcurrently(
            model_name="notification",
            index=models.Index(fields=["user", "created_at", "id"], name="notification_of_user"),
        ),
    ]
