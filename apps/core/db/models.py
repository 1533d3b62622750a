"""Abstract models."""

from typing import ClassVar

from django.db import models


class AppendOnlyModel(models.Model):
    """A table whose rows are never changed.

    After each migration the application's role gets INSERT and SELECT only, and triggers that fire for
    everyone (ENABLE ALWAYS) refuse UPDATE, DELETE and TRUNCATE: see apps.core.db.privileges. Columns named in
    `database_writes` have their default, whatever the application wants: it may not insert into them.
    """

    database_writes: ClassVar[tuple[str, ...]] = ()
    # The trigger function asked before a row is changed or deleted. Another than this one says what may go, and when.
    row_guard: ClassVar[str] = "core_refuse_change"

    class Meta:
        abstract = True


class LastingModel(models.Model):
    """A table whose rows change and never go: the application's role may not delete any."""

    class Meta:
        abstract = True


class TriggerWrittenModel(models.Model):
    """A table that only the owner's triggers write: the application's role may read it and no more."""

    class Meta:
        abstract = True
