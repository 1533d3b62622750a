"""Addresses are encrypted row by row, with the table's guard lifted in each chunk's transaction."""

from django.db import migrations

from apps.vault.fields.backfill import sealing


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("audit", "0003_address_beside_its_ciphertext"),
    ]

    operations = [
        sealing("audit", "AuditLog", {"ip_address": "plain_ip_address"}, append_only=True),
    ]
