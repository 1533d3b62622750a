"""`migrate`, as the role that owns the tables."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections
from django.db.migrations.executor import MigrationExecutor


class Command(DjangoMigrate):
    help = DjangoMigrate.help + " Runs as the owner role (DATABASE_OWNER_URL), and as the application's to use keys."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def execute(self, *args: Any, **options: Any) -> Any:
        """Raises CommandError before anything is connected to where nobody has said who the owner is."""
        if not settings.DATABASE_OWNER_KNOWN:
            raise CommandError("DATABASE_OWNER_URL is not set: only the role that owns the tables may migrate them")
        return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate what was asked for; of everything, settings.MIGRATED_FIRST first.

        Migrations of other apps use those by their present code, which needs their present tables.
        """
        options["database"] = "owner"
        if not (options["app_label"] or options["plan"] or options["check_unapplied"] or options["prune"]):
            for label in filter(_waits, settings.MIGRATED_FIRST):
                super().handle(*args, **options | {"app_label": label})
        super().handle(*args, **options)


def _waits(label: str) -> bool:
    """Whether an app has migrations that are to be applied."""
    executor = MigrationExecutor(connections["owner"])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes(label)))
