"""Every transfer there is satisfies the check: readers and writers go on meanwhile."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_wallet_recovery")]

    operations = [ValidateConstraint(model_name="ledgertransfer", name="ledger_transfer_kind_known")]
