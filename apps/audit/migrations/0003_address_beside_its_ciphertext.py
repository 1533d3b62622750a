"""Addresses move aside, and an encrypted column takes their place."""

from django.db import migrations, models

import apps.vault.fields


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_page_orders"),
        ("vault", "0002_guards"),
    ]

    operations = [
        migrations.RenameField(model_name="auditlog", old_name="ip_address", new_name="plain_ip_address"),
        migrations.AlterField(
            model_name="auditlog", name="plain_ip_address", field=models.GenericIPAddressField(null=True)
        ),
        migrations.AddField(
            model_name="auditlog",
            name="ip_address",
            field=apps.vault.fields.EncryptedTextField(max_length=45, null=True, purpose="personal", subject="user_id"),
        ),
    ]
