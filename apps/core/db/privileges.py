"""What the application's role may do, set from the models after every migration.

The role owns nothing. It may SELECT, INSERT, UPDATE and DELETE on ordinary tables, only SELECT and INSERT on
append-only ones, all but DELETE on lasting ones, and only SELECT on the migration history and on what triggers write.
Nothing may TRUNCATE.
"""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections, models

from apps.core.db.models import AppendOnlyModel, LastingModel, TriggerWrittenModel

REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused; write a correcting entry instead', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$
"""


def application_role() -> str:
    """The role the application connects as."""
    return str(connections["default"].settings_dict["USER"])


def apply_privileges(sender: AppConfig, using: str, **_: Any) -> None:
    """Grant the application's role what each model of `sender` allows (a post_migrate receiver).

    Tables that are still to come are passed over: the migration that makes them is followed by this again.
    """
    if using != "owner":
        return
    with connections[using].cursor() as cursor:
        cursor.execute(REFUSE_CHANGE)
        present = set(connections[using].introspection.table_names(cursor))
        for model in _concrete_models(sender):
            if (table := model._meta.db_table) in present:
                cursor.execute(_statements(table, model, cursor))
        cursor.execute(f'GRANT SELECT ON django_migrations TO "{application_role()}"')
        cursor.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{application_role()}"')


def apply_role_bounds(sender: AppConfig, using: str, **_: Any) -> None:
    """Set the application's timeouts on its role, for sessions that a pooler begins (a post_migrate receiver).

    The role does it itself: a role may set its own defaults, the owner may not. Sessions begun before keep theirs.
    """
    if using != "owner" or sender.label != "core":
        return
    wanted = dict(settings.DATABASE_ROLE_BOUNDS)
    with connections["direct"].cursor() as cursor:
        cursor.execute("SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = current_user")
        present = dict(row[0].split("=", 1) for row in cursor.fetchall())
        # Written only when it differs: several may migrate databases of one server at once.
        for name, value in wanted.items():
            if present.get(name) != value:
                cursor.execute(f"ALTER ROLE CURRENT_USER SET {name} = %s", [value])
    connections["direct"].close()


def _concrete_models(sender: AppConfig) -> list[type[models.Model]]:
    found = sender.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def _given(cursor: Any, model: type[models.Model]) -> str:
    """The columns of an append-only table that the role may insert into, as they are at this migration; "" for all."""
    kept = getattr(model, "database_writes", ())
    if not kept:
        return ""
    cursor.execute(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute"
        " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attname <> ALL (%s)",
        [model._meta.db_table, list(kept)],
    )
    return f" ({cursor.fetchone()[0]})"


def _acts(model: type[models.Model], given: str) -> str:
    if issubclass(model, TriggerWrittenModel):
        return "SELECT"
    if issubclass(model, AppendOnlyModel):
        return f"SELECT, INSERT{given}"
    return "SELECT, INSERT, UPDATE" if issubclass(model, LastingModel) else "SELECT, INSERT, UPDATE, DELETE"


def _statements(table: str, model: type[models.Model], cursor: Any) -> str:
    role, acts = application_role(), _acts(model, _given(cursor, model))
    grant = f'REVOKE ALL ON "{table}" FROM "{role}"; GRANT {acts} ON "{table}" TO "{role}";'
    return grant + (_triggers(table, _guard(model, cursor)) if issubclass(model, AppendOnlyModel) else "")


def _guard(model: type[AppendOnlyModel], cursor: Any) -> str:
    """The function asked before a row changes; nothing may, where the migration that makes it is still to come."""
    cursor.execute("SELECT to_regproc(%s) IS NOT NULL", [model.row_guard])
    return model.row_guard if cursor.fetchone()[0] else AppendOnlyModel.row_guard


def _triggers(table: str, guard: str) -> str:
    """Two triggers: rows (UPDATE, DELETE) and the statement TRUNCATE; ALWAYS, so no session setting skips them."""
    return f"""
        CREATE OR REPLACE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON "{table}"
            FOR EACH ROW EXECUTE FUNCTION {guard}();
        CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON "{table}"
            FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
        ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER append_only_row;
        ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER append_only_truncate;
    """
