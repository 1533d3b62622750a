"""Officers' reasons move aside, and an encrypted column takes their place."""

from django.db import migrations, models

import apps.vault.fields


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0002_page_orders"),
        ("vault", "0002_guards"),
    ]

    operations = [
        migrations.RenameField(model_name="kycdecision", old_name="reason", new_name="plain_reason"),
        migrations.AlterField(
            model_name="kycdecision", name="plain_reason", field=models.CharField(max_length=500, null=True)
        ),
        migrations.AddField(
            model_name="kycdecision",
            name="reason",
            field=apps.vault.fields.EncryptedTextField(
                blank=True, max_length=500, null=True, purpose="personal", subject="party_id"
            ),
        ),
    ]
