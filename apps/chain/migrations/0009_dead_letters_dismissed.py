"""Dead letters are dismissed by two people. Those resolved before were read by a later codec."""

from django.db import migrations, models

KNOWN = [("DECODED", "a later codec reads it"), ("DISMISSED", "two people found that it changes no balance")]
END = (
    models.Q(end="", resolved_at=None, resolved_by=None)
    | models.Q(end="DECODED", resolved_at__isnull=False)
    | models.Q(end="DISMISSED", resolved_at__isnull=False, resolved_by__isnull=False, asked_by__isnull=False)
)
ASKED = models.Q(asked_by=None, asked_at=None, asked_reason="") | models.Q(
    asked_by__isnull=False, asked_at__isnull=False, asked_reason__regex=r"\S"
)
TWO = ~models.Q(end="DISMISSED") | ~models.Q(resolved_by=models.F("asked_by"))
# They are few: what did not decode, and does now.
DECODED = "UPDATE chain_deadletter SET \"end\" = 'DECODED' WHERE resolved_at IS NOT NULL"
COLUMNS = {
    "asked_by": models.UUIDField(null=True),
    "asked_at": models.DateTimeField(null=True),
    "asked_reason": models.CharField(blank=True, db_default="", max_length=200),
    "resolved_by": models.UUIDField(null=True),
    "end": models.CharField(blank=True, choices=KNOWN, db_default="", max_length=9),
}
CHECKS = {"dead_letter_end_known": END, "dead_letter_asked_whole": ASKED, "dead_letter_two_people": TWO}


class Migration(migrations.Migration):
    dependencies = [
        ("chain", "0008_tokens_and_layouts"),
    ]

    operations = [
        *(migrations.AddField("deadletter", name, field) for name, field in COLUMNS.items()),
        migrations.RunSQL(DECODED, migrations.RunSQL.noop),
        *(
            migrations.AddConstraint("deadletter", models.CheckConstraint(name=name, condition=check))
            for name, check in CHECKS.items()
        ),
    ]
