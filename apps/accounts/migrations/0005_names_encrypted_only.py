"""What stood in the clear is gone."""

from django.db import migrations, models

import apps.vault.fields


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_seal_names"),
    ]

    operations = [
        migrations.AlterField(
            model_name="party",
            name="legal_name",
            field=apps.vault.fields.EncryptedTextField(max_length=200, purpose="personal"),
        ),
        migrations.AlterField(
            model_name="user",
            name="username",
            field=apps.vault.fields.EncryptedTextField(max_length=64, purpose="personal"),
        ),
        migrations.AlterField(
            model_name="user",
            name="username_index",
            field=apps.vault.fields.BlindIndexField(bits=128, of="username"),
        ),
        migrations.RemoveField(model_name="party", name="plain_legal_name"),
        migrations.RemoveField(model_name="user", name="plain_username"),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(fields=("username_index",), name="user_username_once"),
        ),
    ]
