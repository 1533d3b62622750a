"""What stood in the clear is gone."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_seal_addresses"),
    ]

    operations = [
        migrations.RemoveField(model_name="auditlog", name="plain_ip_address"),
    ]
