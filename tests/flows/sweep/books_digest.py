"""What the books say, table by table: a refusal must leave it as it was."""

from collections.abc import Set as AbstractSet

from django.apps import apps

from apps.core.db import fetch_all

# A refusal is itself recorded here: the eligibility decision that refused, the login that failed, what was shown.
RECORDS_OF_REFUSALS = {
    "compliance_eligibilitydecision": "NOT t.allowed",
    "audit_auditlog": "t.action ~ '_(refused|viewed)$'",
    # Nobody's: their address is encrypted with it.
    "vault_subjectkey": "t.subject = '00000000-0000-0000-0000-000000000000'",
}
# Not business: sessions of the admin site, heartbeats of engines, counters of who asked how often, and from where
# they came.
NOT_BUSINESS = {"audit_origin", "django_session", "core_enginestate", "core_ratecounter"}


# Grows with each command under a new key, also where the command was done before.
KEPT_ANSWERS = "core_idempotentrequest"


def digest(without: AbstractSet[str] = frozenset()) -> dict[str, tuple[int, str]]:
    """Table to (number of rows, digest of all their columns), records of refusals left out."""
    return {table: (rows, hashed) for table, rows, hashed in fetch_all(_query(without))}


def _query(without: AbstractSet[str]) -> str:
    models = apps.get_models(include_auto_created=True)
    tables = sorted({model._meta.db_table for model in models} - NOT_BUSINESS - without)
    return " UNION ALL ".join(_of(table) for table in tables)


def _of(table: str) -> str:
    refusals = RECORDS_OF_REFUSALS.get(table)
    where = f" WHERE NOT ({refusals})" if refusals else ""
    hashed = "md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
    return f"SELECT '{table}', count(*), {hashed} FROM \"{table}\" t{where}"  # names from our own models
