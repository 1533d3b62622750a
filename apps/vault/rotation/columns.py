"""The encrypted columns there are, as a rotation sees them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models

from apps.core.db import AppendOnlyModel
from apps.vault.fields.base import EncryptedField, encrypted_fields
from apps.vault.fields.sealing import Place
from apps.vault.types import Purpose


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column. Names of the database are quoted; `key_type` is the type of the row's key there.

    The rows of an append-only table are never encrypted anew: the keys they need are kept.
    """

    model: str
    column: str
    table: str
    quoted: str
    key: str
    key_type: str
    version: str | None
    purpose: Purpose
    place: Place
    append_only: bool

    @property
    def name(self) -> str:
        """As people read it: "vault.Document.particulars"."""
        return f"{self.model}.{self.column}"


def sealed_columns(purpose: Purpose, models_: Iterable[type[models.Model]] | None = None) -> list[SealedColumn]:
    """The columns whose values are encrypted for this purpose, by name; of all models there are."""
    of = apps.get_models(include_auto_created=True) if models_ is None else models_
    found = [
        _column(field)
        for model in of
        if not model._meta.proxy
        for field in encrypted_fields(model)
        # A parent's column stands in the parent's table.
        if field.model is model and field.purpose is purpose
    ]
    return sorted(found, key=lambda column: column.name)


def _column(field: EncryptedField) -> SealedColumn:
    model = field.model
    quote, meta = connection.ops.quote_name, model._meta
    version = {each.attname: str(each.column) for each in meta.concrete_fields}.get(field.version)
    return SealedColumn(
        model=meta.label,
        column=str(field.column),
        table=quote(meta.db_table),
        quoted=quote(str(field.column)),
        key=quote(str(meta.pk.column)),
        key_type=str(meta.pk.rel_db_type(connection)),
        version=quote(version) if version else None,
        purpose=field.purpose,
        place=field.place,
        append_only=issubclass(model, AppendOnlyModel),
    )
