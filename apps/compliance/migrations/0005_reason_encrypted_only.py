"""What stood in the clear is gone."""

from django.db import migrations

import apps.vault.fields


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0004_seal_reasons"),
    ]

    operations = [
        migrations.AlterField(
            model_name="kycdecision",
            name="reason",
            field=apps.vault.fields.EncryptedTextField(
                blank=True, max_length=500, purpose="personal", subject="party_id"
            ),
        ),
        migrations.RemoveField(model_name="kycdecision", name="plain_reason"),
    ]
