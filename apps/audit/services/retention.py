"""The periods of the security policy, in the database: the owner writes them after each migration, nobody else can."""

from django.apps import AppConfig
from django.conf import settings
from django.db import connections

from apps.audit.models import AuditRetention
from apps.audit.types import RecordClass

# Where nothing changed nothing is written: a change is an event of the log.
_KEEP = """
    INSERT INTO audit_retention AS held (record_class, days, starts, citation) VALUES (%s, %s, %s, %s)
    ON CONFLICT (record_class) DO UPDATE
        SET days = excluded.days, starts = excluded.starts, citation = excluded.citation
    WHERE (held.days, held.starts, held.citation) IS DISTINCT FROM (excluded.days, excluded.starts, excluded.citation)
"""


def put_periods(sender: AppConfig, using: str, **_: object) -> None:
    """Write the policy's periods (a post_migrate receiver)."""
    if using != "owner" or sender.label != "audit":
        return
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('audit_retention') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return
        for name in RecordClass.values:
            wanted = getattr(settings.SECURITY.audit.retention, name)
            cursor.execute(_KEEP, [name, wanted.days, wanted.starts.value, wanted.citation])


def differing_classes() -> list[str]:
    """Classes whose period in the database is not the policy's: it was changed, and no migration ran since."""
    held = {row.record_class: (row.days, row.starts) for row in AuditRetention.objects.all()}
    policy = settings.SECURITY.audit.retention
    wanted = {name: (getattr(policy, name).days, getattr(policy, name).starts.value) for name in RecordClass.values}
    return sorted(name for name, period in wanted.items() if held.get(name) != period)
