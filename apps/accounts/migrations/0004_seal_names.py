"""Names are encrypted row by row; the way back writes them in the clear again."""

from django.db import migrations

from apps.vault.fields.backfill import sealing


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0003_names_beside_their_ciphertexts"),
    ]

    operations = [
        sealing("accounts", "Party", {"legal_name": "plain_legal_name"}),
        sealing("accounts", "User", {"username": "plain_username"}),
    ]
