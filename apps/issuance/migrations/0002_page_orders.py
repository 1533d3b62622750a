"""An index for each order in which the API pages through a list."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while others write.
    atomic = False

    dependencies = [
        ("accounts", "0001_initial"),
        ("issuance", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="issuancerequest",
            name="issuer_party",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.party"
            ),
        ),
        migrations.AlterField(
            model_name="issuancerequest",
            name="party",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.party"
            ),
        ),
        AddIndexConcurrently(
            model_name="issuancerequest",
            index=models.Index(fields=["created_at", "id"], name="issuance_by_time"),
        ),
        AddIndexConcurrently(
            model_name="issuancerequest",
            index=models.Index(fields=["issuer_party", "created_at", "id"], name="issuance_of_issuer"),
        ),
        AddIndexConcurrently(
            model_name="issuancerequest",
            index=models.Index(fields=["party", "created_at", "id"], name="issuance_of_holder"),
        ),
    ]
