import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chain", "0012_final_by"),
    ]

    operations = [
        migrations.AlterField(
            model_name="txattempt",
            name="intent",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attempts",
                to="chain.txintent",
            ),
        ),
        migrations.AlterField(
            model_name="txintent",
            name="signer",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="chain.signer"),
        ),
        migrations.AlterField(
            model_name="txintentevent",
            name="intent",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="chain.txintent",
            ),
        ),
    ]
