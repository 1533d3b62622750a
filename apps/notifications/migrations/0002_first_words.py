"""The first version of every template."""

from typing import Any

from django.db import migrations

from apps.core.ids import new_id

WORDS = {
    "ORDER_FILLED": (
        "Order filled: {{ filled }} of {{ quantity }} {{ isin }}",
        "Your order {{ order_id }} in {{ isin }} was filled: {{ filled }} of {{ quantity }} units. "
        "The trades now settle, delivery versus payment.",
    ),
    "SETTLEMENT_COMPLETE": (
        "Settled: {{ isin }}",
        "Your {{ trade_ref }} in {{ isin }} has settled: units and cash have changed hands, and both are final.",
    ),
    "SETTLEMENT_FAILED": (
        "Not settled: {{ isin }}",
        "Your {{ trade_ref }} in {{ isin }} did not settle (reason {{ reason_code }}). What it held is free again.",
    ),
    "KYC_APPROVED": (
        "You are verified",
        "Your identity has been verified. You may trade once your wallet's claim is final on the chain.",
    ),
}


def write_words(apps: Any, schema_editor: Any) -> None:
    template = apps.get_model("notifications", "NotificationTemplate")
    rows = [
        template(id=new_id(), topic=topic, channel="IN_APP", version=1, title=title, body=body)
        for topic, (title, body) in WORDS.items()
    ]
    template.objects.using(schema_editor.connection.alias).bulk_create(rows)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]
    operations = [migrations.RunPython(write_words, migrations.RunPython.noop)]
