"""Tables whose every change comes into the log, by whomever and however it is made: bulk updates and SQL by hand too.

For master data. What only ever grows is its own history, and is not watched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.apps import AppConfig
from django.db import connections, models

from apps.audit.types import RecordClass
from apps.vault.fields import BlindIndexField
from apps.vault.fields.base import EncryptedField

TRIGGER = "audit_records_row"
# A trigger that somebody has switched off counts as none. Arguments end in a zero byte each.
_PLACED = r"""
    SELECT tgrelid::regclass::text,
        string_to_array(trim(trailing chr(1) from replace(encode(tgargs, 'escape'), '\000', chr(1))), chr(1))
    FROM pg_trigger WHERE tgname = %s AND tgenabled = 'A'
"""
# Deferred, so that who acts is known; ALWAYS, so that no setting of a session skips it.
_CREATE = """
    CREATE CONSTRAINT TRIGGER {trigger} AFTER INSERT OR UPDATE OR DELETE ON "{table}"
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_record_row(%s, %s, %s, %s);
    ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER {trigger}
"""
_watched: dict[str, "Watch"] = {}


@dataclass(frozen=True, slots=True)
class Watch:
    """A table, the columns told as they stand, and those told by the SHA-256 of what is stored."""

    table: str
    key: str
    plain: tuple[str, ...]
    digested: tuple[str, ...]
    record_class: RecordClass


def watch(
    *models_: type[models.Model],
    digested: Sequence[str] = (),
    record_class: RecordClass = RecordClass.AUDIT_TRAIL,
) -> None:
    """Have each change of the models' rows recorded, in its own transaction; called in AppConfig.ready().

    Encrypted columns are told by a digest of their ciphertext, and so are those `digested` names. Blind indexes are not
    told: they go when their subject is erased, and the log stays.
    """
    for model in models_:
        sealed = {str(field.column) for field in model._meta.concrete_fields if isinstance(field, EncryptedField)}
        told = [str(f.column) for f in model._meta.concrete_fields if not isinstance(f, BlindIndexField)]
        hidden = sealed | {*digested}
        _watched[model._meta.label] = Watch(
            table=model._meta.db_table,
            key=str(model._meta.pk.column),
            plain=tuple(name for name in told if name not in hidden),
            digested=tuple(name for name in told if name in hidden),
            record_class=record_class,
        )


def watched() -> dict[str, Watch]:
    """By the model's label."""
    return dict(_watched)


def put_triggers(sender: AppConfig, using: str, **_: object) -> None:
    """Put the triggers on the tables of `sender`, and take them off those no longer watched (after each migration)."""
    if using != "owner":
        return
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regproc('audit_record_row') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return
        present = set(connections[using].introspection.table_names(cursor))
        cursor.execute(_PLACED, [TRIGGER])
        placed = dict(cursor.fetchall())
        for model in sender.get_models(include_auto_created=True):
            table, wanted = model._meta.db_table, _watched.get(model._meta.label)
            if table in present and placed.get(table) != (wanted and _arguments(wanted)):
                # Only then: it waits for all who are at the table.
                cursor.execute(f'DROP TRIGGER IF EXISTS {TRIGGER} ON "{table}"')
                if wanted:
                    cursor.execute(_CREATE.format(trigger=TRIGGER, table=table), _arguments(wanted))


def _arguments(found: Watch) -> list[str]:
    """As audit_record_row() takes them."""
    return [found.record_class.value, ",".join(found.plain), ",".join(found.digested), found.key]
