"""Units that a recovery moved from a lost wallet. The new check is validated by the next migration, without a lock."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_page_orders"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ledgertransfer",
            name="ledger_transfer_kind_known",
        ),
        migrations.AlterField(
            model_name="ledgertransfer",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ISSUE", "Issue"),
                    ("REDEEM", "Redeem"),
                    ("SETTLEMENT_SECURITY", "Settlement Security"),
                    ("SETTLEMENT_CASH", "Settlement Cash"),
                    ("CASH_IN", "Cash In"),
                    ("CASH_OUT", "Cash Out"),
                    ("CASH_MOVE", "Cash Move"),
                    ("SHORTFALL", "Shortfall"),
                    ("RECOVERY", "Recovery"),
                    ("WALLET_RECOVERY", "Wallet Recovery"),
                    ("CORRECTION", "Correction"),
                ],
                max_length=24,
            ),
        ),
        AddConstraintNotValid(
            model_name="ledgertransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "ISSUE",
                            "REDEEM",
                            "SETTLEMENT_SECURITY",
                            "SETTLEMENT_CASH",
                            "CASH_IN",
                            "CASH_OUT",
                            "CASH_MOVE",
                            "SHORTFALL",
                            "RECOVERY",
                            "WALLET_RECOVERY",
                            "CORRECTION",
                        ],
                    )
                ),
                name="ledger_transfer_kind_known",
            ),
        ),
    ]
