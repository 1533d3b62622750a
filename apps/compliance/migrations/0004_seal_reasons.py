"""Reasons are encrypted row by row, with the table's guard lifted in each chunk's transaction."""

from django.db import migrations

from apps.vault.fields.backfill import sealing


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("compliance", "0003_reason_beside_its_ciphertext"),
    ]

    operations = [
        sealing("compliance", "KycDecision", {"reason": "plain_reason"}, append_only=True),
    ]
