"""The same texts and hashes for less of a processor: functions that were created before are replaced."""

from django.db import migrations

from apps.audit.sequencing_sql import HASH_LEAVES
from apps.audit.sql import BODY


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0020_hashes_of_their_own"),
    ]

    operations = [
        # What they say is what they said: nothing is to be put back.
        migrations.RunSQL(BODY, migrations.RunSQL.noop),
        migrations.RunSQL(HASH_LEAVES, migrations.RunSQL.noop),
    ]
