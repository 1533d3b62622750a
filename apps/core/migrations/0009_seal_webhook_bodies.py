"""Bodies of webhooks that wait for their effect, or were set aside, are sealed as new ones are."""

from collections.abc import Callable
from typing import Any

from django.db import migrations, transaction

from apps.core.sealing import VERSION, seal, unseal
from apps.core.webhooks.intake import PURPOSE

CHUNK = 500


def is_sealed(body: bytes) -> bool:
    """Whether it is: what providers send is text, and does not begin so."""
    return body[:1] == VERSION


def changing(change: Callable[[bytes, bytes], bytes], *, to_sealed: bool) -> Callable[[Any, Any], None]:
    """A step that changes each body that is not as it shall be; run again it goes on where it ended."""

    def step(apps: Any, schema_editor: Any) -> None:
        alias = schema_editor.connection.alias
        rows = apps.get_model("core", "InboundWebhook").objects.using(alias).exclude(body=None).order_by("pk")
        chunk = list(rows[:CHUNK])
        while chunk:
            with transaction.atomic(using=alias):
                for row in chunk:
                    body = bytes(row.body)
                    if is_sealed(body) is not to_sealed:
                        # Its effect may be done meanwhile: then there is no body any more.
                        rows.filter(pk=row.pk, body=body).update(body=change(body, row.pk.bytes))
            chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:CHUNK])

    return step


def sealed(body: bytes, row: bytes) -> bytes:
    """The body sealed for its row."""
    return seal(body, purpose=PURPOSE, bound_to=row)


def opened(body: bytes, row: bytes) -> bytes:
    """The body in the clear. Raises Unreadable."""
    return unseal(body, purpose=PURPOSE, bound_to=row)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("core", "0008_provider_circuits")]

    operations = [
        migrations.RunPython(changing(sealed, to_sealed=True), changing(opened, to_sealed=False), elidable=True),
        # What the former bodies took of the table's file is overwritten at last.
        migrations.RunSQL("VACUUM (FULL, ANALYZE) core_inboundwebhook", migrations.RunSQL.noop, elidable=True),
    ]
