"""Names move aside, and encrypted columns take their place."""

from django.db import migrations, models

import apps.vault.fields


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rate_tier"),
        ("vault", "0002_guards"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="party", name="party_named"),
        migrations.RemoveConstraint(model_name="user", name="user_username_once"),
        migrations.RemoveConstraint(model_name="user", name="user_username_plain"),
        migrations.RenameField(model_name="party", old_name="legal_name", new_name="plain_legal_name"),
        migrations.AlterField(
            model_name="party", name="plain_legal_name", field=models.CharField(max_length=200, null=True)
        ),
        migrations.RenameField(model_name="user", old_name="username", new_name="plain_username"),
        migrations.AlterField(
            model_name="user", name="plain_username", field=models.CharField(max_length=64, null=True)
        ),
        migrations.AddField(
            model_name="party",
            name="legal_name",
            field=apps.vault.fields.EncryptedTextField(max_length=200, null=True, purpose="personal"),
        ),
        migrations.AddField(
            model_name="user",
            name="username",
            field=apps.vault.fields.EncryptedTextField(max_length=64, null=True, purpose="personal"),
        ),
        migrations.AddField(
            model_name="user",
            name="username_index",
            field=apps.vault.fields.BlindIndexField(bits=128, null=True, of="username"),
        ),
    ]
