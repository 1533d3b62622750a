"""For migrations: a column in the clear becomes an encrypted one, and back, in chunks that each commit."""

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps as installed
from django.db import connections, migrations, models, transaction

from apps.core.db.privileges import apply_privileges
from apps.vault.fields.querysets import SealedQuerySet

# Well under a second each.
CHUNK = 500
LIFT = 'ALTER TABLE "{0}" DISABLE TRIGGER append_only_row'
RESTORE = 'ALTER TABLE "{0}" ENABLE ALWAYS TRIGGER append_only_row'


def sealing(app: str, model: str, columns: dict[str, str], *, append_only: bool = False) -> migrations.RunPython:
    """Fill encrypted columns from those in the clear (`columns` maps one to the other), or the other way round.

    The migration is not atomic. `append_only`: the table's guard is lifted in each chunk's own transaction.
    """

    def seal(row: Any) -> None:
        for sealed, plain in columns.items():
            setattr(row, sealed, getattr(row, plain))

    def unseal(row: Any) -> None:
        for sealed, plain in columns.items():
            setattr(row, plain, getattr(row, sealed))

    def run(change: Callable[[Any], None], written: Callable[[Any], list[str]]) -> Callable[[Any, Any], None]:
        def step(apps: Any, schema_editor: Any) -> None:
            found = apps.get_model(app, model)
            alias = schema_editor.connection.alias
            for rows in _chunks(found, alias):
                for row in rows:
                    change(row)
                _write(found, alias, rows, written(found), append_only=append_only)

        return step

    def sealed_columns(found: Any) -> list[str]:
        return [name for sealed in columns for name in (sealed, *found._meta.get_field(sealed).indexes)]

    return migrations.RunPython(run(seal, sealed_columns), run(unseal, lambda _: list(columns.values())), elidable=True)


def rewriting(app: str, model: str) -> migrations.RunPython:
    """Write the table's file anew: what a dropped column held stays in it until then. The migration is not atomic."""

    def step(apps: Any, schema_editor: Any) -> None:
        table = apps.get_model(app, model)._meta.db_table
        schema_editor.execute(f'VACUUM (FULL, ANALYZE) "{table}"')

    return migrations.RunPython(step, migrations.RunPython.noop, elidable=True)


def _chunks(model: type[models.Model], alias: str) -> Iterator[list[Any]]:
    rows: SealedQuerySet[Any] = SealedQuerySet(model, using=alias).order_by("pk")
    chunk = list(rows[:CHUNK])
    if chunk:
        # Keys are made as the application's role, which may be about to get its rights only after this migration.
        apply_privileges(installed.get_app_config("vault"), using=alias)
        apply_privileges(installed.get_app_config("core"), using=alias)
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def _write(model: type[models.Model], alias: str, rows: list[Any], names: list[str], *, append_only: bool) -> None:
    table = model._meta.db_table
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        if append_only:
            cursor.execute(LIFT.format(table))
        SealedQuerySet(model, using=alias).bulk_update(rows, names)
        if append_only:
            cursor.execute(RESTORE.format(table))
