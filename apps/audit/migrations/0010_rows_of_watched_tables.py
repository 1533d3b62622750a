"""Changes of watched tables come into the log by themselves: see apps.audit.services.watching."""

from django.db import migrations

from apps.audit.migrations._hash_chains import DROP_ROWS, JOIN_STREAM, ROWS


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0009_streams_are_kept"),
        ("vault", "0006_rotation_guards"),
    ]

    operations = [
        migrations.RunSQL(JOIN_STREAM, migrations.RunSQL.noop),
        migrations.RunSQL(ROWS, DROP_ROWS),
    ]
