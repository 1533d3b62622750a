"""Columns whose values are encrypted under their subject's key and bound to their row.

Read and assign them as any other attribute: what is read is opened then, what is assigned is sealed when it is saved.
They are compared, sorted and searched by nothing: where a value must be found, a BlindIndexField stands beside it.
"""

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.core.checks import CheckMessage
from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import class_prepared, pre_save

from apps.core import disclosure
from apps.core.db import fetch_all
from apps.vault.envelope import MAGIC, OVERHEAD
from apps.vault.fields.checks import wrong_options
from apps.vault.fields.expressions import SealedCol, SealedIsNull
from apps.vault.fields.holding import HIDDEN, Bound, Given, Row, Sealed
from apps.vault.fields.sealing import NOBODY, Place
from apps.vault.keys import keyring
from apps.vault.types import Purpose

RESERVE = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"


class SealedAttribute(DeferredAttribute):
    """Opens on access, and keeps nothing open: an instance holds ciphertext, or what was assigned since.

    Reading raises KeyUnavailable, SubjectErased; Unreadable after an alert.
    """

    field: "EncryptedField"

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        field = self.field
        held = instance.__dict__.get(field.attname, self)
        if type(held) is Sealed:
            plain = field.place.open(held, held.row or field.row_of(instance))
            if disclosure.is_noting():
                disclosure.note(field.subject_of(instance))
            return field.decoded(plain)
        if held is self:
            field.load(instance)
            return self.__get__(instance)
        return field.decoded(held.plain) if type(held) is Given else held

    def __set__(self, instance: Any, value: Any) -> None:
        if type(value) is Sealed:
            self.field.take(instance.__dict__, value)
        else:
            self.field.hold(instance, value)


class EncryptedField(models.Field):
    """What the kinds of encrypted columns share.

    `purpose` names the kind of key. `subject` is the path of the attribute that says whose the value is, the row's own
    key if it is left out: erasing that subject makes the value unreadable. `version` names a column, declared before
    this one, that grows with each change of the value: an older value put back is then refused too. `bound_to` names a
    UUID column, declared before this one, that takes the key's place where the database alone gives keys (append-only
    tables); values of rows in which it is null are bound to the key.
    """

    descriptor_class = SealedAttribute
    empty_strings_allowed = False
    least_plain = 0

    def __init__(
        self,
        *args: Any,
        purpose: Purpose = Purpose.PERSONAL,
        subject: str = "",
        version: str = "",
        bound_to: str = "",
        **kwargs: Any,
    ) -> None:
        self.purpose, self.subject, self.version, self.bound_to = Purpose(purpose), subject, version, bound_to
        self.indexes: list[str] = []
        # So that what builds itself of a model (ModelSerializer, ModelForm) shows it and does not take it.
        kwargs |= {"editable": False}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["editable"]
        kwargs |= {"purpose": self.purpose.value}
        kwargs |= {option: value for option in ("subject", "version", "bound_to") if (value := getattr(self, option))}
        return name, path, args, kwargs

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        self.indexes = []
        pre_save.connect(before_save, sender=cls)
        self.place = Place(f"{cls._meta.app_label}.{cls._meta.db_table}", str(self.column))
        self._subject = attrgetter(self.subject or "pk")
        class_prepared.connect(self._note_key, sender=cls)

    def _note_key(self, sender: Any, **_: Any) -> None:
        self._key = sender._meta.pk.attname

    def encoded(self, value: Any) -> bytes:
        """A value as bytes. Raises TypeError and ValueError, which never show it."""
        raise NotImplementedError

    def decoded(self, plain: bytes) -> Any:
        """The value again."""
        raise NotImplementedError

    # What an instance holds.

    def take(self, held: dict[str, Any], sealed: Sealed) -> None:
        """Put what was read from the database on an instance, with the row it was read from."""
        if sealed.row is None:
            key = held.get(self._key)
            sealed.row = self._row_in(held) if self.version or self.bound_to or key is None else (key,)
        held[self.attname] = sealed

    def hold(self, instance: Any, value: Any) -> None:
        """Put an assigned value on an instance, encoded and out of sight."""
        held = instance.__dict__
        if type(value) is not Bound:
            value = None if value is None else Given(self.encoded(value))
            for index in self.indexes:
                held[index] = None
        held[self.attname] = value

    def load(self, instance: Any) -> None:
        """Read a deferred value with the version it is bound to."""
        names = [self.attname, *filter(None, [self.version, self.bound_to])]
        stored = type(instance)._base_manager.filter(pk=instance.pk)  # noqa: SLF001 (as Django reads deferred ones)
        found = stored.values(*names).get()
        value = found[self.attname]
        if value is not None:
            value.row = self._row_in({self._key: instance.pk, **found})
        instance.__dict__[self.attname] = value

    def row_of(self, instance: Any) -> Row:
        """What values of the instance are bound to. Raises ValueError where it has no key or version yet."""
        row = self._row_in(instance.__dict__)
        if row is None:
            raise ValueError(
                f"{self} is sealed for its row: the row needs its key{' and version' * bool(self.version)}"
            )
        return row

    def _row_in(self, held: dict[str, Any]) -> Row | None:
        pk = self.model._meta.pk
        if self.bound_to and self.bound_to not in held:
            return None
        key = held.get(self.bound_to) or held.get(pk.attname)
        if isinstance(key, str):
            key = pk.to_python(key)
        if key is None or not self.version:
            return None if key is None else (key,)
        version = held.get(self.version)
        return (key, version) if isinstance(version, int) else None

    def subject_of(self, instance: Any) -> UUID:
        """Whose the value is: nobody's where the path ends in nothing."""
        found = self._subject(instance)
        return NOBODY if found is None else found if isinstance(found, UUID) else UUID(str(found))

    def unsealed(self, instance: Any) -> bytes | None:
        """The bytes that have to be sealed before the instance is saved; None if there are none."""
        held = instance.__dict__.get(self.attname)
        if type(held) is Given:
            self._require_size(held.plain)
            return held.plain
        if type(held) is Sealed and held.row and held.row != self.row_of(instance):
            return self.place.open(held, held.row)  # the row was copied, or has a new version
        return None

    def seal(self, instance: Any) -> None:
        """Seal what was assigned for the instance's row. Raises KeyUnavailable, SubjectErased."""
        plain = self.unsealed(instance)
        if plain is not None:
            key = keyring().current(self.purpose, self.subject_of(instance))
            instance.__dict__[self.attname] = self.place.seal(plain, self.row_of(instance), key)

    def require_indexes(self, names: Collection[str]) -> None:
        """Raise ValueError unless the value's indexes are written with it."""
        if missing := set(self.indexes) - set(names):
            raise ValueError(f"{self} has an index: write {', '.join(sorted(missing))} too")

    def _require_size(self, plain: bytes) -> None:
        """Room for the subclasses' own bounds."""

    # What the database takes and gives.

    def get_internal_type(self) -> str:
        """Stored as bytes, which Django inserts many of at once fastest."""
        return "BinaryField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bytea"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        """A value in the clear is refused by the column itself."""
        column = connection.ops.quote_name(str(self.column))
        least = OVERHEAD + self.least_plain
        return f"octet_length({column}) >= {least} AND get_byte({column}, 0) = {MAGIC}"

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        self.seal(model_instance)
        held = model_instance.__dict__[self.attname]
        return Bound(held.ciphertext) if type(held) is Sealed else held

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if value is None:
            return None
        if type(value) is not Bound:
            raise FieldError(f"{self} is sealed for one row: assign it to the instance, and save that")
        return value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(bytes(value))

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return SealedIsNull
        raise FieldError(f"{self} is encrypted and cannot be searched: filter by its blind index, if it has one")

    def get_transform(self, lookup_name: str) -> Any:
        return None

    def get_col(self, alias: Any, output_field: Any = None) -> SealedCol:
        """The column within a query, which refuses what the database cannot do with it."""
        return SealedCol(alias, self, output_field)

    # What forms, serializers and fixtures get without asking for the attribute by name.

    def value_from_object(self, obj: Any) -> Any:
        return HIDDEN

    def value_to_string(self, obj: Any) -> str:
        return HIDDEN

    def formfield(self, *args: Any, **kwargs: Any) -> None:
        """None: a form that edits it declares its own field."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [*super().check(**kwargs), *wrong_options(self)]


def encrypted_fields(model: type[models.Model]) -> list[EncryptedField]:
    """The encrypted columns of a model."""
    return [field for field in model._meta.concrete_fields if isinstance(field, EncryptedField)]


def reserve_keys(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Give rows that hold a value, and no key to bind it to, the next numbers the database would give them."""
    pk, names = model._meta.pk, [field.attname for field in encrypted_fields(model) if not field.bound_to]
    without = [row for row in rows if row.pk is None and any(row.__dict__.get(name) is not None for name in names)]
    if without and isinstance(pk, models.AutoField):
        numbers = fetch_all(RESERVE, [model._meta.db_table, pk.column, len(without)])
        for row, (number,) in zip(without, numbers, strict=True):
            row.pk = number


def seal_now(row: models.Model) -> None:
    """Seal what was assigned to a row before save(), within which a refusal would undo the whole unit of work.

    Raises KeyUnavailable, SubjectErased.
    """
    reserve_keys(type(row), [row])
    for field in encrypted_fields(type(row)):
        field.seal(row)


def before_save(sender: Any, instance: Any, update_fields: Collection[str] | None, **_: Any) -> None:
    """A receiver of Django's pre_save."""
    reserve_keys(sender, [instance])
    for field in encrypted_fields(sender):
        if update_fields and field.name in update_fields:
            field.require_indexes(update_fields)
