"""By which policy a block is final is kept with it; until now there was one, the nodes' `finalized` tag."""

from django.db import migrations, models
from django.db.models import Q

TAGGED = "UPDATE chain_block SET final_by = 'TAG' WHERE finality = 'FINAL'"


class Migration(migrations.Migration):
    dependencies = [
        ("chain", "0011_minter_and_powers"),
    ]

    operations = [
        migrations.AddField("block", "final_by", models.CharField(blank=True, max_length=8, default="")),
        migrations.RunSQL(TAGGED, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "block",
            models.CheckConstraint(
                name="block_final_by_a_policy",
                condition=Q(finality="FINAL") & ~Q(final_by="") | ~Q(finality="FINAL") & Q(final_by=""),
            ),
        ),
    ]
