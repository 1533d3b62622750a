"""The database itself chains what is inserted from here on."""

from django.db import migrations, models
from django.db.models import Q

from apps.audit.migrations._hash_chains import DROP_STREAMS, STREAMS


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0008_chain_what_was_there"),
    ]

    operations = [
        migrations.AddConstraint(
            "auditlog",
            models.CheckConstraint(name="audit_log_stream_is_one", condition=~Q(resource_type__contains="/")),
        ),
        migrations.AddConstraint(
            "auditlog",
            models.UniqueConstraint(name="audit_log_stream_seq", fields=["resource_type", "resource_id", "stream_seq"]),
        ),
        migrations.RunSQL(STREAMS, DROP_STREAMS),
    ]
