"""Many rows at once: keys are had in one query, however many subjects there are."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Self, TypeVar

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.expressions import Case, Combinable, Value
from django.db.models.functions import Cast
from django.db.models.query import ModelIterable

from apps.vault.fields.base import EncryptedField, encrypted_fields, reserve_keys
from apps.vault.fields.expressions import SealedCol, names_of, refuse_to_compute
from apps.vault.fields.holding import Bound, Sealed
from apps.vault.fields.index import BlindIndexField
from apps.vault.fields.sealing import link
from apps.vault.keys import keyring

M = TypeVar("M", bound=models.Model)
# Rows whose keys are loaded together.
CHUNK = 100


class LinkedRows(ModelIterable):
    """Instances, of which the first whose value is opened loads the keys of its neighbours too."""

    def __iter__(self) -> Iterator[Any]:
        rows = super().__iter__()
        names = [field.attname for field in encrypted_fields(self.queryset.model)]
        while chunk := list(islice(rows, CHUNK)):
            held = [value for row in chunk for name in names if type(value := row.__dict__.get(name)) is Sealed]
            link(held)
            yield from chunk


class SealedQuerySet(models.QuerySet[M]):
    """A QuerySet of a model with encrypted columns."""

    seals = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._iterable_class = LinkedRows

    def order_by(self, *field_names: Any) -> Self:
        """As Django's. Where the column is among the values() asked for, Django would sort by its place there."""
        names = names_of(field_names)
        for field in encrypted_fields(self.model):
            if names & {field.name, field.attname}:
                refuse_to_compute(field)
        return super().order_by(*field_names)

    def annotate(self, *args: Any, **kwargs: Any) -> Any:
        """As Django's. A column under another name could be sorted and grouped by that."""
        found = super().annotate(*args, **kwargs)
        for expression in found.query.annotations.values():
            if isinstance(expression, SealedCol):
                refuse_to_compute(expression.target)
        return found

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """As Django's. Rows get their keys first, since that is what their values are bound to."""
        rows = list(objs)
        reserve_keys(self.model, rows)
        seal_all(rows, encrypted_fields(self.model))
        return super().bulk_create(rows, *args, **kwargs)

    def update(self, **values: Any) -> int:
        """As Django's, but that the database computes no encrypted column; get_db_prep_save() refuses all else."""
        for field in encrypted_fields(self.model):
            value = values.get(field.name)
            if isinstance(value, Combinable) and not _chooses_sealed(value):
                raise FieldError(f"{field} is encrypted: the database cannot compute it")
        return super().update(**values)

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """As Django's. Raises ValueError where a value's blind index is not updated with it."""
        rows, names = list(objs), list(fields)
        chosen = [self.model._meta.get_field(name) for name in names]
        for field in chosen:
            if isinstance(field, BlindIndexField):
                field.require_source(names)
                for row in rows:
                    field.pre_save(row, add=False)
        sealed = [field for field in chosen if isinstance(field, EncryptedField)]
        for field in sealed:
            field.require_indexes(names)
        seal_all(rows, sealed)
        before = [(row.__dict__, field.attname, row.__dict__[field.attname]) for row in rows for field in sealed]
        try:
            for held, name, value in before:
                held[name] = Bound(value.ciphertext) if type(value) is Sealed else value
            return super().bulk_update(rows, names, batch_size)
        finally:
            for held, name, value in before:
                held[name] = value


def _chooses_sealed(value: Any) -> bool:
    """Whether it is bulk_update()'s choice among sealed values."""
    chosen = value.get_source_expressions()[0] if isinstance(value, Cast) else value
    if not isinstance(chosen, Case):
        return False
    results = [case.result for case in chosen.cases]
    return all(isinstance(each, Value) and type(each.value) in {Bound, type(None)} for each in results)


def seal_all(rows: Sequence[models.Model], fields: Sequence[EncryptedField]) -> None:
    """Seal what was assigned to the rows: one query for the keys of each column's subjects."""
    for field in fields:
        waiting = [(row, field.subject_of(row), plain) for row in rows if (plain := field.unsealed(row)) is not None]
        keys = keyring().current_many(field.purpose, {subject for _, subject, _ in waiting}) if waiting else {}
        for row, subject, plain in waiting:
            row.__dict__[field.attname] = field.place.seal(plain, field.row_of(row), keys[subject])
