"""What stood in the clear leaves the files of the tables too."""

from django.db import migrations

from apps.vault.fields.backfill import rewriting


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0005_names_encrypted_only"),
    ]

    operations = [
        rewriting("accounts", "Party"),
        rewriting("accounts", "User"),
    ]
